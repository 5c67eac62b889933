package cli

import (
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
	b := thisBuild()
	return p.show(cmd, b, b.write)
}

// build is what the compiler has noted. A build without the repository knows no
// commit.
type build struct {
	Version    string  `json:"version"`
	Commit     *string `json:"commit"`
	CommitTime *string `json:"commitTime"`
	Modified   bool    `json:"modified"` // with changes that were not committed
	GoVersion  string  `json:"goVersion"`
	Platform   string  `json:"platform"`
}

func thisBuild() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return build{Version: "unknown"}
	}
	b := build{Version: info.Main.Version, GoVersion: info.GoVersion}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	b.Commit, b.CommitTime = orNull(settings["vcs.revision"]), orNull(settings["vcs.time"])
	b.Modified = settings["vcs.modified"] == "true"
	b.Platform = settings["GOOS"] + "/" + settings["GOARCH"]
	return b
}

func (b build) write(w io.Writer) {
	fmt.Fprintf(w, "rekey %s\n", b.Version)
	if b.Commit != nil && b.CommitTime != nil {
		changed := ""
		if b.Modified {
			changed = ", with changes"
		}
		fmt.Fprintf(w, "commit %s of %s%s\n", *b.Commit, *b.CommitTime, changed)
	}
	fmt.Fprintf(w, "%s %s\n", b.GoVersion, b.Platform)
}
