package strike

import (
	"context"

	"rekey/bench/faults/internal/world"
)

// DiskFull fills the disk that holds Postgres. It needs a world whose database
// is on that disk and on no other.
func DiskFull(disk *world.Disk) Fault {
	return Fault{
		Name: "disk of postgres full",
		Inject: func(ctx context.Context, s *Scene) (Struck, error) {
			if err := disk.Fill(); err != nil {
				return nil, err
			}
			s.World.Database.UseUpLog()
			return failures(anywhere), world.Pause(ctx, 2*outage)
		},
		Heal: func(_ context.Context, s *Scene) error {
			if err := disk.Free(); err != nil {
				return err
			}
			return s.World.Database.Start() // Postgres stops itself when its disk is full
		},
	}
}
