package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/fault"
)

// faultFile is a file of faults that has been read.
type faultFile struct {
	name string
	data []byte
}

// readFaults reads the files of --fault, and refuses the mistakes that they
// have by themselves before anything is served.
func readFaults(names []string) ([]faultFile, error) {
	var files []faultFile
	var errs []error
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, usageError("", "serve: --fault: %v", notRead(name, err))
		}
		if _, err := fault.Parse(name, data); err != nil {
			errs = append(errs, err)
		}
		files = append(files, faultFile{name, data})
	}
	return files, faultMistakes(errs)
}

// addFaults puts the faults of the files into force, before the stack answers
// anybody. What only a stack knows, such as its tenants, is checked here.
func addFaults(stack *idpool.Stack, files []faultFile) error {
	var errs []error
	for _, f := range files {
		if _, err := stack.Faults().Read(f.name, f.data); err != nil {
			errs = append(errs, err)
		}
	}
	return faultMistakes(errs)
}

// faultMistakes is a usage error with all mistakes of the files, each of which
// names the setting: often nobody sees more than the last.
func faultMistakes(errs []error) error {
	var lines []string
	for _, err := range errs {
		var mistakes fault.FileErrors
		if !errors.As(err, &mistakes) {
			lines = append(lines, "serve: --fault: "+err.Error())
		}
		for _, m := range mistakes {
			lines = append(lines, "serve: --fault: "+m.Error())
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return usageError("", "%s", strings.Join(lines, "\n"))
}

// printFaults says loudly that things go wrong on purpose.
func printFaults(w io.Writer, stack *idpool.Stack, files []faultFile) {
	faults := stack.Faults().List()
	if len(faults) == 0 {
		return
	}
	var names []string
	for _, f := range files {
		names = append(names, f.name)
	}
	p := paintFor(w)
	fmt.Fprintf(w, "%s %s of %s: what they break says so by the header %s, and by fault= in the journal\n",
		p.bold(p.red("FAULTS ARE ON:")), count(len(faults), "fault"), strings.Join(names, ", "), fault.Header)
	for _, f := range faults {
		if warning := f.Warning(); warning != "" {
			fmt.Fprintf(w, "  %s: %s\n", f.ID, warning)
		}
	}
}
