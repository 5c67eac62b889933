package arch

// The places that remain to be rewritten, by directory. These numbers only
// decrease.
var allowedEnglish = map[string]int{
	"docs/reference":                   2,
	"e2e":                              5,
	"internal/app":                     26,
	"internal/auth":                    33,
	"internal/blacklist":               24,
	"internal/blacklist/blacklisttest": 7,
	"internal/cli":                     40,
	"internal/doctor":                  25,
	"internal/store":                   6,
	"internal/store/storetest":         4,
	"internal/stream":                  11,
	"internal/stream/bustest":          20,
}
