package cli

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"

	"github.com/urfave/cli/v3"
)

func (p Program) showVersion(_ context.Context, cmd *cli.Command) error {
	b := ThisBuild()
	return p.show(cmd, b, b.text())
}

// commit is set by builds without the repository, such as the image's, with
// -ldflags "-X rekey/internal/cli.commit=...". The linker can only set a
// variable of a package.
var commit string

// Build describes a build, as recorded by the compiler or by the linker.
type Build struct {
	Version    string  `json:"version"`
	Commit     *string `json:"commit"`
	CommitTime *string `json:"commitTime"`
	Modified   bool    `json:"modified"` // the repository had uncommitted changes
	GoVersion  string  `json:"goVersion"`
	Platform   string  `json:"platform"`
}

// ThisBuild returns the build of this process.
func ThisBuild() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Build{Version: "unknown"}
	}
	b := Build{Version: info.Main.Version, GoVersion: info.GoVersion}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	b.Commit, b.CommitTime = orNull(cmp.Or(settings["vcs.revision"], commit)), orNull(settings["vcs.time"])
	b.Modified = settings["vcs.modified"] == "true"
	b.Platform = settings["GOOS"] + "/" + settings["GOARCH"]
	return b
}

// CommitText returns the commit, or "" if it is unknown.
func (b Build) CommitText() string { return cell(b.Commit) }

func (b Build) text() string {
	commit := ""
	if b.Commit != nil {
		when, changed := "", ""
		if b.CommitTime != nil {
			when = " of " + *b.CommitTime
		}
		if b.Modified {
			changed = ", with changes"
		}
		commit = fmt.Sprintf("commit %s%s%s\n", *b.Commit, when, changed)
	}
	return fmt.Sprintf("rekey %s\n%s%s %s\n", b.Version, commit, b.GoVersion, b.Platform)
}
