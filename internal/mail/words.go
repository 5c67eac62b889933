package mail

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/language"
)

// words writes times in one language. Languages without words of their own get
// forms that need none.
type words struct{ base string }

func wordsOf(tag language.Tag) words {
	base, _ := tag.Base()
	return words{base: base.String()}
}

// moment returns a date and a time, with the name of the zone.
func (w words) moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	switch w.base {
	case "en":
		return t.Format("2 January 2006, 15:04 MST")
	case "hu":
		months := [...]string{"január", "február", "március", "április", "május", "június", "július",
			"augusztus", "szeptember", "október", "november", "december"}
		return fmt.Sprintf("%d. %s %s", t.Year(), months[t.Month()-1], t.Format("2. 15:04 MST"))
	}
	return t.Format("2006-01-02 15:04 MST")
}

// lifetime returns a duration as it follows "for" in English, in the greatest
// unit of which there are two.
func (w words) lifetime(d time.Duration) string {
	minutes := int(d.Round(time.Minute) / time.Minute)
	units := map[string][3]string{
		"en": {"minutes", "hours", "days"},
		"hu": {"percig", "óráig", "napig"},
	}
	names, ok := units[w.base]
	if !ok {
		names = [3]string{"min", "h", "d"}
	}
	switch {
	case minutes < 1:
		return ""
	case minutes == 1 && w.base == "en":
		return "1 minute"
	case minutes < 120:
		return fmt.Sprintf("%d %s", minutes, names[0])
	case minutes < 48*60:
		return fmt.Sprintf("%d %s", (minutes+30)/60, names[1])
	}
	return fmt.Sprintf("%d %s", (minutes+12*60)/(24*60), names[2])
}

const maxNameRunes = 60

// greetable returns a person's name if it is safe to show in a mail. Anyone can
// sign up with the address of somebody else and a name of their choice: rekey
// must not send their advertisement. So a name with something of an address, a
// digit or a symbol is omitted.
func greetable(name string) string {
	name = strings.TrimSpace(name)
	runes := []rune(name)
	if len(runes) > maxNameRunes || len(strings.Fields(name)) > 5 {
		return ""
	}
	for i, r := range runes {
		letter := unicode.IsLetter(r) || unicode.IsMark(r)
		dot := r == '.' && (i+1 == len(runes) || runes[i+1] == ' ') // of an abbreviation
		if !letter && !dot && !strings.ContainsRune(" -'’", r) {
			return ""
		}
	}
	return name
}

// device returns a browser and a system that a user agent names. It returns "" if
// it knows neither: the rest of a user agent is text of a client's choice.
func device(agent string) string {
	find := func(list [][2]string) string {
		for _, l := range list {
			if strings.Contains(agent, l[0]) {
				return l[1]
			}
		}
		return ""
	}
	browser := find([][2]string{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"Vivaldi/", "Vivaldi"}, {"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chromium/", "Chromium"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	})
	system := find([][2]string{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"},
		{"CrOS", "ChromeOS"}, {"Macintosh", "macOS"}, {"Linux", "Linux"},
	})
	if browser != "" && system != "" {
		return browser + ", " + system
	}
	return browser + system
}
