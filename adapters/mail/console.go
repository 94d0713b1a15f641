package mail

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"ostiary/domain/outbox"
)

const rule = 72

// console shows mail to whoever looks at the terminal.
type console struct {
	press press
	mu    sync.Mutex
	out   io.Writer
}

// Send writes the mail in one piece.
func (c *console) Send(ctx context.Context, m outbox.Mail) error {
	l, err := c.press.letter(ctx, m)
	if err != nil {
		return err
	}
	body, err := l.plain()
	if err != nil {
		return err
	}
	box := fmt.Sprintf("\n┌── mail %s\n│ From:    %s <%s>\n│ To:      %s\n│ Subject: %s\n├%s\n\n%s\n└%s\n\n",
		strings.Repeat("─", rule-8), l.Sender, c.press.from, l.To, l.Subject, strings.Repeat("─", rule), body, strings.Repeat("─", rule))
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := io.WriteString(c.out, box); err != nil {
		return fmt.Errorf("print mail: %w", err)
	}
	return nil
}
