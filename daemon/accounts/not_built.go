package accounts

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-mail/latchkey/store"
	"github.com/latchkey-mail/latchkey/store/secret"
)

var errNotBuilt = errors.New("accounts: not built yet")

func (s *Service) StartSession(ctx context.Context, in SignIn) (Entered, error) {
	return Entered{}, errNotBuilt
}
func (s *Service) Session(ctx context.Context, cookie string, b Browser) (Session, error) {
	return Session{}, errNotBuilt
}
func (s *Service) SignOut(ctx context.Context, in Session) error           { return errNotBuilt }
func (s *Service) SignOutEverywhere(ctx context.Context, in Session) error { return errNotBuilt }
func (s *Service) SendCode(ctx context.Context, in Session, p store.Purpose, number string, b Browser) (Challenge, error) {
	return Challenge{}, errNotBuilt
}
func (s *Service) Challenge(ctx context.Context, in Session, p store.Purpose) (Challenge, error) {
	return Challenge{}, errNotBuilt
}
func (s *Service) EnterCode(ctx context.Context, in Session, e Entry) (Entered, error) {
	return Entered{}, errNotBuilt
}
func (s *Service) EnterRecovery(ctx context.Context, in Session, code string, b Browser) (Entered, error) {
	return Entered{}, errNotBuilt
}
func (s *Service) Unbind(ctx context.Context, in Session) (Entered, error) {
	return Entered{}, errNotBuilt
}
func (s *Service) OwnAppPasswords(ctx context.Context, in Session) ([]AppPassword, error) {
	return nil, errNotBuilt
}
func (s *Service) MakeAppPassword(ctx context.Context, in Session, spec NewAppPassword) (AppPassword, [16]byte, error) {
	return AppPassword{}, [16]byte{}, errNotBuilt
}
func (s *Service) RevokeOwn(ctx context.Context, in Session, id store.AppPasswordID) error {
	return errNotBuilt
}
func (s *Service) RevokeAllOwn(ctx context.Context, in Session) ([]store.AppPasswordID, error) {
	return nil, errNotBuilt
}
func (s *Service) MakeRecoveryCodes(ctx context.Context, in Session) ([]secret.RecoveryCode, error) {
	return nil, errNotBuilt
}
func (s *Service) RecoveryCodesLeft(ctx context.Context, in Session) (RecoveryState, error) {
	return RecoveryState{}, errNotBuilt
}
func (s *Service) ChangePassword(ctx context.Context, in Session, next secret.Secret, revoke bool) (Entered, []store.AppPasswordID, error) {
	return Entered{}, nil, errNotBuilt
}
func (s *Service) OwnDevices(ctx context.Context, in Session) (Devices, error) {
	return Devices{}, errNotBuilt
}
func (s *Service) Untrust(ctx context.Context, in Session, id store.DeviceID) error {
	return errNotBuilt
}
func (s *Service) DeleteDevice(ctx context.Context, in Session, id store.DeviceID) error {
	return errNotBuilt
}
func (s *Service) ResetPhone(ctx context.Context, actor store.Actor, typed string, revoke bool) (secret.RecoveryCode, time.Time, error) {
	return secret.RecoveryCode{}, time.Time{}, errNotBuilt
}
func (s *Service) ExpectPhone(ctx context.Context, actor store.Actor, typed, number string) error {
	return errNotBuilt
}
func (s *Service) ListDevices(ctx context.Context, typed string) (Devices, error) {
	return Devices{}, errNotBuilt
}
func (s *Service) UntrustDevice(ctx context.Context, actor store.Actor, typed string, id store.DeviceID) error {
	return errNotBuilt
}
func (s *Service) RemoveDevice(ctx context.Context, actor store.Actor, typed string, id store.DeviceID) error {
	return errNotBuilt
}
func (s *Service) EndSessions(ctx context.Context, actor store.Actor, typed string) (int, error) {
	return 0, errNotBuilt
}
