package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// decisionPrinter writes a Decision for a person.
type decisionPrinter struct {
	w     io.Writer
	paint paint
	err   error
}

func (p *decisionPrinter) printf(format string, args ...any) {
	_, err := fmt.Fprintf(p.w, format, args...)
	p.err = errors.Join(p.err, err)
}

// notVerified says what a Decision without a signature is worth.
func (p *decisionPrinter) notVerified(d validator.Decision) {
	for _, name := range []string{validator.CheckKey, validator.CheckSignature} {
		if c := d.Check(name); c.Status != validator.Skipped || !strings.HasPrefix(c.Message, "not made: ") {
			return
		}
	}
	p.printf("%s\n", p.paint.bold("nothing was verified: the signature was left out, so that anybody may have made these claims"))
}

func (p *decisionPrinter) verdict(d validator.Decision) {
	p.notVerified(d)
	if !d.Allowed {
		p.printf("%s\n\n", p.paint.bold(p.paint.red("✗ refused")+" at the check "+d.Failed().Name))
		return
	}
	p.printf("%s\n", p.paint.bold(p.paint.green("✓ allowed")+" as "+d.Principal))
	p.printf("  identity %s, pools %s, until %s\n\n", d.Identity, strings.Join(d.Pools, ", "), d.ExpiresAt.UTC().Format("2006-01-02 15:04:05Z"))
}

func (p *decisionPrinter) check(c validator.Check) {
	switch c.Status {
	case validator.Pass:
		p.printf("  %s %-10s  %s\n", p.paint.green("✓"), c.Name, c.Message)
	case validator.Fail:
		p.printf("  %s %-10s  %s\n", p.paint.red("✗"), c.Name, c.Message)
		p.detail("got", c.Got)
		p.detail("want", c.Want)
	default:
		p.printf("  %s %-10s  %s\n", p.paint.faint("–"), c.Name, p.paint.faint(c.Message))
	}
}

func (p *decisionPrinter) detail(name, value string) {
	if value != "" {
		p.printf("    %10s  %s %s\n", "", p.paint.faint(fmt.Sprintf("%-4s", name)), value)
	}
}

func (p *decisionPrinter) cause(c validator.Cause) {
	p.printf("\n%s %s\n", p.paint.bold("cause"), c.ID)
	p.block(c.Summary)
	p.printf("%s\n", p.paint.bold("fix"))
	p.block(c.Fix)
	if c.Docs != "" {
		p.printf("%s  %s\n", p.paint.bold("docs"), c.Docs)
	}
}

// block writes text of several lines with an indent.
func (p *decisionPrinter) block(text string) {
	for line := range strings.Lines(text) {
		p.printf("  %s\n", strings.TrimRight(line, "\n"))
	}
}

// maxTraces is how many filters are shown part by part.
const maxTraces = 3

// traces shows the filters that refused, part by part.
func (p *decisionPrinter) traces(traces map[string]pool.Trace) {
	for i, id := range slices.Sorted(maps.Keys(traces)) {
		if i == maxTraces {
			p.printf("    %10s  %s\n", "", p.paint.faint(fmt.Sprintf("and %d more filters", len(traces)-maxTraces)))
			return
		}
		p.printf("    %10s  %s\n", "", p.paint.faint("the filter of "+id+", part by part"))
		for line := range strings.Lines(traces[id].String()) {
			p.printf("    %10s    %s", "", line)
		}
	}
}
