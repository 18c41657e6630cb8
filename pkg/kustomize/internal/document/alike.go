package document

import "strings"

// alike reports whether a key is probably meant to be a field: the same but for the
// case of letters, dashes and underscores, or a slip or two of the fingers.
func alike(key, field string) bool {
	const longest = 64
	if key == field || len(key) > longest {
		return false
	}
	key, field = plain(key), plain(field)
	most := 1
	if len(field) > 6 {
		most = 2
	}
	return max(len(key), len(field))-min(len(key), len(field)) <= most && distance(key, field) <= most
}

func plain(text string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(text))
}

// distance is the number of letters to insert, to remove, to replace or to swap
// with their neighbour.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replace := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			rows[i][j] = min(replace, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
