package admin

import (
	"context"

	"github.com/latchkey-mail/latchkey/daemon/accounts"
	"github.com/latchkey-mail/latchkey/store"
)

// DeviceQuestion asks something about one browser of an account.
type DeviceQuestion struct {
	Address string         `json:"address"`
	ID      store.DeviceID `json:"id"`
}

func (h *Handler) deviceList(ctx context.Context, q AccountQuestion) (accounts.Devices, error) {
	return h.accounts.ListDevices(ctx, q.Address)
}

func (h *Handler) deviceUntrust(ctx context.Context, q DeviceQuestion) (Done, error) {
	return Done{}, h.accounts.UntrustDevice(ctx, identity(ctx).Actor, q.Address, q.ID)
}

func (h *Handler) deviceDelete(ctx context.Context, q DeviceQuestion) (Done, error) {
	return Done{}, h.accounts.RemoveDevice(ctx, identity(ctx).Actor, q.Address, q.ID)
}
