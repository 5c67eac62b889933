//go:build !unix

package config

import "io/fs"

// foreign returns "", because this system has no modes of files.
func foreign(fs.FileInfo) string { return "" }
