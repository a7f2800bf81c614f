package es

// Hint returns the newest version of an object that this client knows, which may not be the newest of all, or
// ErrNotFound if it knows none. It asks nothing.
func (c *Client) Hint(name string) (Metadata, error) {
	hint, known := c.hints.Get(name)
	if !known {
		return Metadata{}, ErrNotFound
	}
	return hint.Metadata, nil
}
