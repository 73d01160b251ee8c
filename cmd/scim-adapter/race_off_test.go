//go:build !race

package main

// slowness is how many times as long as usual everything takes: the race detector is off.
const slowness = 1
