package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDeploy_pinImages: deploy/pin-images pins each image of others by its
// digest, changes nothing else, and can be run again. The docker that it calls is
// a script of the test.
func TestDeploy_pinImages(t *testing.T) {
	dir, bin := t.TempDir(), t.TempDir()
	copied := []string{"Dockerfile", "compose.yaml"}
	for _, name := range append(copied, "pin-images") {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(deployFile(t, name)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	pin := func(digit string) map[string]string {
		t.Helper()
		script := "#!/bin/sh\necho sha256:" + strings.Repeat(digit, 64) + "\n"
		if err := os.WriteFile(filepath.Join(bin, "docker"), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "bash", filepath.Join(dir, "pin-images"))
		cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		files := map[string]string{}
		for _, name := range copied {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			files[name] = string(text)
		}
		return files
	}
	pinned := regexp.MustCompile(`@sha256:[0-9a-f]{64}`)
	for _, digit := range []string{"a", "b"} {
		files := pin(digit)
		for _, name := range copied {
			if got, want := pinned.ReplaceAllString(files[name], ""), pinned.ReplaceAllString(deployFile(t, name), ""); got != want {
				t.Errorf("%s:\n%s\nwant, apart from digests:\n%s", name, got, want)
			}
		}
		text := files["Dockerfile"] + files["compose.yaml"]
		if n := strings.Count(text, "@sha256:"+strings.Repeat(digit, 64)); n != 4 || len(pinned.FindAllString(text, -1)) != 4 {
			t.Errorf("%d images are pinned:\n%s", n, text)
		}
		for _, image := range []string{"FROM --platform=$BUILDPLATFORM golang:1.", "image: haproxy:", "image: postgres:", "image: redis:"} {
			if !regexp.MustCompile(regexp.QuoteMeta(image) + `[\w.-]+@sha256:`).MatchString(text) {
				t.Errorf("%s is not pinned", image)
			}
		}
	}
}
