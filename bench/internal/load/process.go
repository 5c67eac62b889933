package load

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// Argument makes the bench's own binary run the clients.
const Argument = "generate-load"

// Clients is the process of the clients, ready to start.
type Clients struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// Prepare starts the process and returns when it is ready. The caller calls Run.
func Prepare(ctx context.Context, plan Plan) (*Clients, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the bench's binary: %w", err)
	}
	c := &Clients{cmd: exec.CommandContext(ctx, self, Argument)}
	c.cmd.Stderr = os.Stderr
	c.in, err = c.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the clients: %w", err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the clients: %w", err)
	}
	c.out = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the clients: %w", err)
	}
	if err := json.NewEncoder(c.in).Encode(plan); err != nil {
		return nil, errors.Join(err, c.cmd.Wait())
	}
	if line, err := c.out.ReadString('\n'); err != nil || line != ready {
		return nil, errors.Join(errors.New("the clients were not ready"), err, c.cmd.Wait())
	}
	return c, nil
}

// Run starts the clients and returns after their process has ended.
func (c *Clients) Run() (Outcome, error) {
	var o Outcome
	_, err := io.WriteString(c.in, start)
	if err == nil {
		err = json.NewDecoder(c.out).Decode(&o)
	}
	if err := errors.Join(err, c.in.Close(), c.cmd.Wait()); err != nil {
		return o, fmt.Errorf("the clients: %w", err)
	}
	return o, nil
}
