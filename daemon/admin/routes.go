package admin

import (
	"context"
	"net/http"
	"strings"
)

// pathMetrics is no question but a page: programs read it that speak no JSON.
const pathMetrics = "/metrics"

// The questions. The first ones may also be asked by the helpdesk.
const (
	pathAccountList     = "/v1/account/list"
	pathSchemes         = "/v1/account/schemes"
	pathAccountShow     = "/v1/account/show"
	pathAppPasswordList = "/v1/app-password/list"
	pathPhoneShow       = "/v1/phone/show"
	pathEvents          = "/v1/events"
	pathDeviceList      = "/v1/device/list"
	pathAliasList       = "/v1/account/alias/list"
	pathUserdbShow      = "/v1/userdb/show"
	pathExplain         = "/v1/explain"
	pathStatus          = "/v1/status"
	pathPhoneUnbind     = "/v1/phone/unbind"
	pathPhoneReset      = "/v1/phone/reset"
	pathDeviceUntrust   = "/v1/device/untrust"
	pathDeviceDelete    = "/v1/device/delete"
	pathSessionEnd      = "/v1/session/end"

	pathAccountAdd        = "/v1/account/add"
	pathAccountImport     = "/v1/account/import"
	pathAccountExport     = "/v1/account/export"
	pathAccountDelete     = "/v1/account/delete"
	pathAccountDisable    = "/v1/account/disable"
	pathAccountEnable     = "/v1/account/enable"
	pathAccountExempt     = "/v1/account/exempt"
	pathAccountUnexempt   = "/v1/account/unexempt"
	pathAliasAdd          = "/v1/account/alias/add"
	pathAliasRemove       = "/v1/account/alias/remove"
	pathPassword          = "/v1/account/set-password"
	pathAppPasswordAdd    = "/v1/app-password/add"
	pathAppPasswordRevoke = "/v1/app-password/revoke"
	pathPhoneBind         = "/v1/phone/bind"
	pathPhoneReveal       = "/v1/phone/reveal"
	pathPhoneExpect       = "/v1/phone/expect"
	pathUserdbSet         = "/v1/userdb/set"
	pathUserdbUnset       = "/v1/userdb/unset"
	pathBackup            = "/v1/backup"
	pathKeyShow           = "/v1/key/show"
	pathKeyExport         = "/v1/key/export"
)

// routes is the permissions table: who may ask what. The helpdesk resets the
// phone of somebody who has lost it and ends what a thief may hold. It binds no
// phone and names none: its one-time code opens nothing without the main
// password, which it does not set.
func (h *Handler) routes() {
	walks := newPace()
	look(h, pathAccountList, Helpdesk, paced(h, walks, h.accountList))
	look(h, pathAccountShow, Helpdesk, h.accountShow)
	look(h, pathSchemes, Administrator, paced(h, walks, h.schemes))
	look(h, pathAccountImport, Administrator, h.importAccounts) // it and the next log for themselves
	look(h, pathAccountExport, Administrator, paced(h, walks, h.exportAccounts))
	look(h, pathAppPasswordList, Helpdesk, h.appPasswordList)
	look(h, pathPhoneShow, Helpdesk, h.phoneShow)
	look(h, pathDeviceList, Helpdesk, h.deviceList)
	look(h, pathEvents, Helpdesk, h.events)
	look(h, pathAliasList, Helpdesk, h.aliasList)
	look(h, pathUserdbShow, Helpdesk, h.userdbShow)
	look(h, pathExplain, Helpdesk, h.explain)
	look(h, pathStatus, Helpdesk, h.status)

	change(h, pathPhoneUnbind, Helpdesk, h.phoneUnbind)
	change(h, pathPhoneReset, Helpdesk, h.phoneReset)
	change(h, pathDeviceUntrust, Helpdesk, h.deviceUntrust)
	change(h, pathDeviceDelete, Helpdesk, h.deviceDelete)
	change(h, pathSessionEnd, Helpdesk, h.sessionEnd)

	change(h, pathAccountAdd, Administrator, h.accountAdd)
	change(h, pathAccountDelete, Administrator, h.accountDelete)
	change(h, pathAccountDisable, Administrator, h.accountDisable)
	change(h, pathAccountEnable, Administrator, h.accountEnable)
	change(h, pathAccountExempt, Administrator, h.accountExempt)
	change(h, pathAccountUnexempt, Administrator, h.accountUnexempt)
	change(h, pathAliasAdd, Administrator, h.aliasAdd)
	change(h, pathAliasRemove, Administrator, h.aliasRemove)
	change(h, pathPassword, Administrator, h.setPassword)
	change(h, pathAppPasswordAdd, Administrator, h.appPasswordAdd)
	change(h, pathAppPasswordRevoke, Administrator, h.appPasswordRevoke)
	change(h, pathPhoneBind, Administrator, h.phoneBind)
	change(h, pathPhoneReveal, Administrator, h.phoneReveal)
	change(h, pathPhoneExpect, Administrator, h.phoneExpect)
	change(h, pathUserdbSet, Administrator, h.userdbSet)
	change(h, pathUserdbUnset, Administrator, h.userdbUnset)
	look(h, pathKeyShow, Administrator, h.keyShow)
	change(h, pathKeyExport, Administrator, h.keyExport)
	h.mux.HandleFunc("POST "+pathBackup, h.backup) // for administrators: its answer is not one object

	h.mux.HandleFunc("GET "+pathMetrics, h.metrics) // for the helpdesk, too: no account is in it

	h.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, &Error{Status: http.StatusNotFound, Kind: KindNoRoute, Sentence: "there is no such question",
			Hint: "the command and the daemon may be of different versions"})
	})
}

// change registers a question that changes something, or whose answer leaves an
// event: the log says who asked it.
func change[Q subject, A any](h *Handler, path string, least Role, answer func(context.Context, Q) (A, error)) {
	look(h, path, least, func(ctx context.Context, question Q) (A, error) {
		reply, err := answer(ctx, question)
		if err == nil {
			h.log.Info("changed", "what", strings.TrimPrefix(path, "/v1/"), "account", question.account(), "actor", identity(ctx).Actor)
		}
		return reply, err
	})
}

// look registers one question: permission, body, answer.
func look[Q, A any](h *Handler, path string, least Role, answer func(context.Context, Q) (A, error)) {
	h.mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		who := identity(r.Context())
		if who.Role < least {
			h.log.Info("admin: refused", "actor", who.Actor, "path", path)
			writeError(w, refused("the helpdesk may not do this; it needs root or the daemon's user"))
			return
		}
		var question Q
		if err := decode(w, r, &question); err != nil {
			writeError(w, err)
			return
		}
		reply, err := answer(r.Context(), question)
		if err != nil {
			writeError(w, h.failure(path, who, err))
			return
		}
		writeJSON(w, http.StatusOK, reply)
	})
}

// subject is a question about one account: that one, as it was asked.
type subject interface{ account() string }

func (q AccountQuestion) account() string   { return q.Address }
func (q AccountAdd) account() string        { return q.Address }
func (q AccountExempt) account() string     { return q.Address }
func (q AliasQuestion) account() string     { return q.Address }
func (q SetPassword) account() string       { return q.Address }
func (q AppPasswordAdd) account() string    { return q.Address }
func (q AppPasswordRevoke) account() string { return q.Address }
func (q PhoneBind) account() string         { return q.Address }
func (q PhoneExpect) account() string       { return q.Address }
func (q PhoneReset) account() string        { return q.Address }
func (q DeviceQuestion) account() string    { return q.Address }
func (q UserdbSet) account() string         { return q.Address }
func (q UserdbUnset) account() string       { return q.Address }
