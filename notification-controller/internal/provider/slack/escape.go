package slack

import "strings"

// escape writes a text so that Slack shows it as it is: no mention, no channel
// call and no link with a text of its own can be in it, because each of them
// begins with a character that is escaped here.
func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}
