// Package imagetest tests the image that ../build.sh builds, by containers of it and by
// the docker command, and build.sh itself. IDPOOL_IMAGE names another image to test.
//
// It has tests and benchmarks only: the Go package that runs the image is the one
// in the folder above.
package imagetest
