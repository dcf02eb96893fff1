package admin

import "context"

// KeyQuestion asks something about the key.
type KeyQuestion struct{}

func (KeyQuestion) account() string { return "" }

// KeyShown names a key.
type KeyShown struct {
	ID string `json:"id"` // 8 hex digits, which tell nothing about the key
}

// KeyExported is a key file.
type KeyExported struct {
	ID   string   `json:"id"`
	File Password `json:"file"` // its text
}

func (h *Handler) keyShow(context.Context, KeyQuestion) (KeyShown, error) {
	if h.Safe == nil {
		return KeyShown{}, noSafe()
	}
	return KeyShown{h.Safe.KeyID()}, nil
}

func (h *Handler) keyExport(ctx context.Context, _ KeyQuestion) (KeyExported, error) {
	if h.Safe == nil {
		return KeyExported{}, noSafe()
	}
	text, err := h.Safe.ExportKey(ctx, identity(ctx).Actor)
	return KeyExported{h.Safe.KeyID(), Password{text}}, err
}
