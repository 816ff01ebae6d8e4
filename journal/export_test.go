package journal

// Followers says how many follow now.
func Followers(j *Journal) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.followers)
}
