package admin

import (
	"encoding/hex"

	ledgers "ostiary/app/ledger"
	"ostiary/domain/ledger"
	"ostiary/domain/secret"
)

// documentState is a document beside what the path or the line names it by.
type documentState struct {
	Status      string  `json:"status"`
	Currency    string  `json:"currency"`
	Total       string  `json:"total"`
	Outstanding string  `json:"outstanding"`
	IssuedAt    *string `json:"issuedAt"`
	DueAt       *string `json:"dueAt"`
	Version     *int64  `json:"version"`
}

type shownDocument struct {
	Company int64  `json:"company"`
	Kind    string `json:"kind"`
	Ref     string `json:"ref"`
	documentState
	UpdatedAt string `json:"updatedAt"`
}

func (in documentState) input(f *form) ledgers.DocumentInput {
	return ledgers.DocumentInput{
		Status: in.Status, Currency: in.Currency, Total: in.Total, Outstanding: in.Outstanding, Version: in.Version,
		IssuedAt: f.time("/issuedAt", in.IssuedAt), DueAt: f.time("/dueAt", in.DueAt),
	}
}

func (a *API) putDocument(r *request) (answer, error) {
	var in documentState
	if err := r.decode(&in); err != nil {
		return answer{}, err
	}
	var f form
	d := in.input(&f)
	d.Company, d.Kind, d.Ref = r.company(), r.Param("kind"), r.Param("ref")
	if err := f.err(); err != nil {
		return answer{}, err
	}
	match, err := r.fingerprints()
	if err != nil {
		return answer{}, err
	}
	var stored ledger.Document
	err = match.try(func(over secret.Digest) (err error) {
		stored, err = a.use.Ledger.Put(r.Context(), ledgers.PutInput{Caller: r.ledger(), Document: d, Over: over})
		return err
	})
	if err != nil {
		return answer{}, err
	}
	return documentAnswer(stored)
}

func (a *API) deleteDocument(r *request) (answer, error) {
	err := a.use.Ledger.Delete(r.Context(), ledgers.DeleteInput{
		Caller: r.ledger(), Company: r.company(), Kind: r.Param("kind"), Ref: r.Param("ref"),
	})
	if err != nil {
		return answer{}, err
	}
	return gone()
}

// fingerprints is If-Match for documents, whose version is their sender's.
func (r *request) fingerprints() (condition[secret.Digest], error) {
	never := secret.Digest{1}
	return ifMatch(r, secret.Digest{}, never, func(tag string) (d secret.Digest, ok bool) {
		n, err := hex.Decode(d[:], []byte(tag[:min(len(tag), hex.EncodedLen(len(d)))]))
		return d, err == nil && n == len(d) && hex.EncodeToString(d[:]) == tag
	})
}

func showDocument(d ledger.Document) shownDocument {
	out := shownDocument{
		Company: d.Company.Int(), Kind: string(d.Kind), Ref: d.Ref, UpdatedAt: shownTime(d.Updated),
		documentState: documentState{
			Status: d.Status, Currency: d.Currency.String(), Total: d.Currency.Format(d.Total),
			Outstanding: d.Currency.Format(d.Outstanding), IssuedAt: maybeTime(d.IssuedAt), DueAt: maybeTime(d.DueAt),
		},
	}
	if d.Version != 0 {
		out.Version = &d.Version
	}
	return out
}

func documentAnswer(d ledger.Document) (answer, error) {
	out, err := jsonAnswer(200, showDocument(d))
	fingerprint := d.Fingerprint()
	out.ETag = quoted(hex.EncodeToString(fingerprint[:]))
	return out, err
}
