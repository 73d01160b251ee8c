module github.com/scim-adapter/scim-adapter

go 1.26
