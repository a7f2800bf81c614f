package docs

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var errUnknownName = errors.New("no value of that name was printed before")

// placeholder matches a placeholder.
func placeholder() *regexp.Regexp { return regexp.MustCompile(`<[a-z][a-z0-9 :-]*>`) }

// free returns the pattern of a placeholder that may differ each time.
func free(name string) (pattern string, ok bool) {
	pattern, ok = map[string]string{
		"date":    `[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} GMT`,
		"time":    `\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-][\d:]+)`,
		"number":  `\d+`,
		"n":       `\d+`,
		"pid":     `\d+`,
		"address": `localhost:\d+`,
		"token":   `[A-Z2-7]{26}`,
	}[name]
	return pattern, ok
}

// names are the values of placeholders.
type names map[string]string

// learn reports whether the output matches the page, and stores the values of placeholders. Runs of
// spaces are equal, since the width of columns varies. With more, got may have more lines before
// and after.
func (n names) learn(want []string, got string, more bool) bool {
	pattern, order := n.pattern(strings.Join(want, "\n"))
	if more {
		pattern = `(?s:^(?:.*\n)?)` + pattern + `(?:\n|$)`
	} else {
		pattern = "^" + pattern + "$"
	}
	found := regexp.MustCompile(pattern).FindStringSubmatch(normalize(got))
	for i, name := range order {
		if found != nil {
			n[name] = found[i+1]
		}
	}
	return found != nil
}

// pattern returns a regular expression and the names of its groups.
func (n names) pattern(want string) (pattern string, order []string) {
	want = normalize(want)
	seen, end := map[string]bool{}, 0
	for _, at := range placeholder().FindAllStringIndex(want, -1) {
		name := want[at[0]+1 : at[1]-1]
		pattern += regexp.QuoteMeta(want[end:at[0]])
		end = at[1]
		any, isFree := free(name)
		switch known, isKnown := n[name]; {
		case isFree:
			pattern += any
		case isKnown:
			pattern += regexp.QuoteMeta(known)
		case seen[name]:
			pattern += `[^\s"]+` // RE2 has no back-references
		default:
			seen[name] = true
			order = append(order, name)
			pattern += `([^\s"]+)`
		}
	}
	return pattern + regexp.QuoteMeta(want[end:]), order
}

// normalize replaces every run of spaces by one, and removes spaces at line ends and empty lines at
// the end.
func normalize(s string) string {
	s = regexp.MustCompile(`[ \t\r]+`).ReplaceAllString(s, " ")
	s = regexp.MustCompile(` ?\n ?`).ReplaceAllString(s, "\n")
	return strings.TrimRight(strings.TrimLeft(s, " "), "\n ")
}

// fill replaces placeholders in a command by their values, inner ones first: <pid of
// dataservice-<i>>.
func (n names) fill(command string) (filled string, err error) {
	for err == nil && placeholder().MatchString(command) {
		command = placeholder().ReplaceAllStringFunc(command, func(hole string) string {
			value, ok := n.valueOf(hole[1 : len(hole)-1])
			if !ok {
				err = fmt.Errorf("%s: %w", hole, errUnknownName)
			}
			return value
		})
	}
	return command, err
}

func (n names) valueOf(name string) (value string, ok bool) {
	if service, isPID := strings.CutPrefix(name, "pid of "); isPID {
		if address, ok := n[service]; ok {
			service = address
		}
		name = "pid of " + service
	}
	value, ok = n[name]
	return value, ok
}

// learnServices stores the process ids in startup.sh's table.
func (n names) learnServices(got string) {
	for _, row := range regexp.MustCompile(`(?m)^ +(\S+) +(localhost:\d+) +pid (\d+)`).FindAllStringSubmatch(got, -1) {
		n["pid of "+row[1]], n["pid of "+row[2]] = row[3], row[3]
	}
}
