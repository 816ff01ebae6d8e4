// Package nearest finds the known word that a misspelt one most likely meant.
// It is what stands behind every "did you mean" of idpool.
package nearest

import (
	"strings"
	"unicode/utf8"
)

// To returns the word of known that is closest to word, or "" when none is
// close enough to be worth a guess: a third of the letters may differ, and
// upper against lower case counts for nothing. An equal word is returned as it
// is; among equally close ones the first wins. A word of over 120 bytes is no
// misspelling of anything, and comparing it would take long.
func To(word string, known []string) string {
	if len(word) > longest {
		return ""
	}
	best, bestDistance := "", len([]rune(word))/3+1
	for _, k := range known {
		if abs(len(k)-len(word)) >= bestDistance*utf8.UTFMax { // cannot be nearer, whatever the letters
			continue
		}
		if d := Distance(strings.ToLower(word), strings.ToLower(k)); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best
}

// longest is the length in bytes of the longest word that To looks at.
const longest = 120

func abs(n int) int { return max(n, -n) }

// Distance counts the insertions, deletions, replacements and swaps of
// neighbours (optimal string alignment) that turn a into b.
func Distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := range x {
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
