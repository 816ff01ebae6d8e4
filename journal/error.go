package journal

// Error is every error of this package: a filter or an entry that is wrong, in
// which case Field says where, a stream that broke, or a Take in vain.
type Error struct {
	// Field is the query parameter, or the field of an entry, that is wrong;
	// empty when none is.
	Field string
	// Got and Want are what the field was and what it may be.
	Got, Want string
	// Came are the entries that a Take saw before its time was over. They are
	// not taken.
	Came []Entry

	message string
	cause   error
}

// Error is the whole text. That of a Take in vain has more than one line.
func (e *Error) Error() string { return "journal: " + e.message }

// Unwrap is what ended the wait or the stream, such as
// context.DeadlineExceeded; nil for a wrong field.
func (e *Error) Unwrap() error { return e.cause }
