package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"ostiary/domain/fault"
	"ostiary/domain/ledger"
	"ostiary/domain/tenant"
)

// entry is one thing to do with a document.
type entry struct {
	ledger.Document
	remove bool
	force  bool // whatever is stored
}

// outcome is what became of an entry: what is stored then, or why nothing was
// changed.
type outcome struct {
	stored  ledger.Document
	refusal error
}

// sheet is a part of a company's books: the documents that some entries name,
// and what the entries make of them.
type sheet struct {
	figures ledger.Figures
	known   map[string]bool // has a stored document, also one that is gone
	stored  map[string]ledger.Document
	changed []documentDoc
	place   map[string]int // in changed
}

// readSheet loads the documents that entries name.
func (db *DB) readSheet(ctx context.Context, t tenant.ID, f ledger.Figures, entries []entry) (*sheet, error) {
	p := &sheet{figures: f, known: map[string]bool{}, stored: map[string]ledger.Document{}, place: map[string]int{}}
	ids := make([]primitive.Binary, 0, len(entries))
	asked := make(map[string]bool, len(entries))
	for _, e := range entries {
		if id := documentKey(e.Document); !asked[string(id.Data)] {
			asked[string(id.Data)] = true
			ids = append(ids, id)
		}
	}
	docs, err := list[documentDoc](ctx, db.collection(inDocuments), of(t, keysIn(ids)))
	if err != nil {
		return nil, err
	}
	for i := range docs {
		p.known[string(docs[i].ID.Data)] = true
		if docs[i].Gone {
			continue
		}
		d, err := docs[i].document()
		if err != nil {
			return nil, err
		}
		p.stored[string(docs[i].ID.Data)] = d
	}
	return p, nil
}

// do carries one entry out on the sheet. A refusal leaves it as it was.
func (p *sheet) do(e entry) (outcome, error) {
	id := string(documentKey(e.Document).Data)
	old, found := p.stored[id]
	var added, counted ledger.Figures
	switch {
	case found && !e.remove && !e.force && !e.Supersedes(old):
		return outcome{stored: old}, nil
	case e.remove && !found:
		return outcome{refusal: ledger.ErrNotFound}, nil
	}
	if !e.remove {
		added = e.Contribution()
	}
	if found {
		counted = old.Contribution()
	}
	figures, err := p.figures.Plus(added, counted)
	if fault.Of(err) != nil {
		return outcome{refusal: err}, nil
	}
	if err != nil {
		return outcome{}, err
	}
	p.figures = figures
	p.note(id, e)
	return outcome{stored: e.Document}, nil
}

// note enters what an entry leaves; of several on one document the last counts.
func (p *sheet) note(id string, e entry) {
	d := toDocument(e.Document)
	if e.remove {
		since := primitive.NewObjectID()
		d = documentDoc{ID: d.ID, T: d.T, Company: d.Company, Kind: d.Kind, Ref: d.Ref, Gone: true, Limbo: &since}
		delete(p.stored, id)
	} else {
		p.stored[id] = e.Document
	}
	if at, again := p.place[id]; again {
		p.changed[at] = d
		return
	}
	p.place[id] = len(p.changed)
	p.changed = append(p.changed, d)
}
