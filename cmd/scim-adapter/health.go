package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// healthCommand asks a running adapter how it is: the image's HEALTHCHECK, and a person's first question.
func healthCommand() *cobra.Command {
	var url string
	var timeout time.Duration
	var ready bool
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask a running adapter whether it lives (exit 0) or, with --ready, whether it can serve",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := "/health"
			if ready {
				path = "/ready"
			}
			client := http.Client{Timeout: timeout}
			req, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, strings.TrimRight(url, "/")+path, nil)
			if err != nil {
				return usageError{err}
			}
			resp, err := client.Do(req)
			if err != nil {
				return err
			}
			defer resp.Body.Close() //nolint:errcheck // it was read; nothing can be done about it
			var answer struct {
				Status string `json:"status"`
			}
			if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
				return fmt.Errorf("%s answered %s, but not as scim-adapter does", url+path, resp.Status)
			}
			fmt.Fprintln(cmd.OutOrStdout(), answer.Status)
			if resp.StatusCode != http.StatusOK {
				return fmt.Errorf("%s answered %s", url+path, resp.Status)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&url, "url", "http://127.0.0.1:8080", "where the adapter listens")
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Second, "how long to wait")
	cmd.Flags().BoolVar(&ready, "ready", false, "ask /ready instead of /health")
	return cmd
}
