package maintenance

import (
	"time"

	"gostore/common/service"
)

// Config says what is done.
type Config struct {
	on           bool
	collects     bool
	keep         int64         // how many versions a name keeps; 0: all
	orphanAge    time.Duration // from one pass to the next; how long content is protected says the data service
	scanInterval time.Duration // from the begin of one scan to that of the next
	scanRate     int64         // bytes a second that are read of shards
	force        int64         // how many contents may be removed at once that are more than a tenth of all
}

// ConfigOf reads the settings. Maintenance is off unless one of the first three is set; nothing is removed unless
// one of the first two is.
func ConfigOf(env *service.Env) Config {
	removes := env.Optional("KEEP_VERSIONS") + env.Optional("ORPHAN_AGE")
	return Config{
		on:           removes+env.Optional("SCAN_INTERVAL") != "",
		collects:     removes != "",
		keep:         env.Number("KEEP_VERSIONS", 0, 1),
		orphanAge:    env.Duration("ORPHAN_AGE", time.Hour),
		scanInterval: env.Duration("SCAN_INTERVAL", 30*24*time.Hour),
		scanRate:     env.Number("SCAN_RATE", 8<<20, 1),
		force:        env.Number("MAINTENANCE_FORCE", 0, 1),
	}
}
