package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/urfave/cli/v3"
)

func (p Program) version() *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "say which build this is", OnUsageError: onUsageError,
		Description: "Example:\n  rekey version --json",
		Action:      p.showVersion,
	}
}

func (p Program) showVersion(_ context.Context, cmd *cli.Command) error {
	if err := noArguments(cmd); err != nil {
		return err
	}
	b := ThisBuild()
	return p.show(cmd, b, b.write)
}

// commit is told by who builds without the repository, as an image is:
// -ldflags "-X rekey/internal/cli.commit=...". The linker sets nothing but a
// variable of a package.
var commit string

// Build is which build this is, as the compiler has noted it; the commit of one
// made without the repository is what it was told.
type Build struct {
	Version    string  `json:"version"`
	Commit     *string `json:"commit"`
	CommitTime *string `json:"commitTime"`
	Modified   bool    `json:"modified"` // with changes that were not committed
	GoVersion  string  `json:"goVersion"`
	Platform   string  `json:"platform"`
}

// ThisBuild is what runs.
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

// CommitText is the commit, empty where none is known.
func (b Build) CommitText() string {
	if b.Commit == nil {
		return ""
	}
	return *b.Commit
}

func (b Build) write(w io.Writer) {
	fmt.Fprintf(w, "rekey %s\n", b.Version)
	if b.Commit != nil {
		when, changed := "", ""
		if b.CommitTime != nil {
			when = " of " + *b.CommitTime
		}
		if b.Modified {
			changed = ", with changes"
		}
		fmt.Fprintf(w, "commit %s%s%s\n", *b.Commit, when, changed)
	}
	fmt.Fprintf(w, "%s %s\n", b.GoVersion, b.Platform)
}
