package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ostiary/app/operation"
	"ostiary/domain/actor"
	"ostiary/domain/apitoken"
	"ostiary/domain/fault"
)

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Make an API token and show it once."`
	List   tokenListCmd   `cmd:"" help:"List API tokens."`
	Revoke tokenRevokeCmd `cmd:"" help:"End an API token for good."`
}

// owner is a flag that says whose tokens a command is about.
type owner struct {
	Tenant string `help:"Code of the tenant; without it the deployment's own tokens."`
}

func (o owner) caller(s *session) (operation.Caller, error) {
	if o.Tenant == "" {
		return operation.Caller{Actor: s.actor()}, nil
	}
	code, err := codeOf(o.Tenant)
	return operation.Caller{Actor: s.actor(), Tenant: code}, err
}

type tokenWire struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Permissions []string `json:"permissions"`
	CreatedAt   string   `json:"createdAt"`
	ExpiresAt   *string  `json:"expiresAt"`
	Token       string   `json:"token,omitempty"`
}

func tokenWireOf(t *apitoken.Token) tokenWire {
	s := t.Snapshot()
	w := tokenWire{ID: s.ID.String(), Name: s.Name, CreatedAt: stamp(s.Created)}
	for _, p := range s.Permissions {
		w.Permissions = append(w.Permissions, string(p))
	}
	if !s.Expires.IsZero() {
		end := stamp(s.Expires)
		w.ExpiresAt = &end
	}
	return w
}

func (w tokenWire) row() []string {
	end := "never"
	if w.ExpiresAt != nil {
		end = *w.ExpiresAt
	}
	return []string{w.ID, w.Name, strings.Join(w.Permissions, ","), w.CreatedAt, end}
}

var tokenHeading = []string{"ID", "NAME", "PERMISSIONS", "CREATED", "EXPIRES"}

type tokenCreateCmd struct {
	owner
	Name       string        `arg:"" help:"What the token is for."`
	Permission []string      `required:"" help:"Such as contacts:write; may be repeated; all means every one."`
	Expires    time.Duration `help:"How long the token is good for, such as 720h; without it for ever."`
}

func (c tokenCreateCmd) permissions() ([]actor.Permission, error) {
	if slices.Contains(c.Permission, "all") {
		if c.Tenant == "" {
			return actor.OperatorPermissions(), nil
		}
		return actor.TenantPermissions(), nil
	}
	var out []actor.Permission
	for _, name := range c.Permission {
		p, err := actor.ParsePermission(name)
		if err != nil {
			return nil, usage(err)
		}
		out = append(out, p)
	}
	return out, nil
}

// Run implements the command.
func (c tokenCreateCmd) Run(s *session) error {
	caller, err := c.caller(s)
	if err != nil {
		return err
	}
	permissions, err := c.permissions()
	if err != nil {
		return err
	}
	if c.Expires < 0 {
		return fmt.Errorf("%w: a token cannot end in the past", errUsage)
	}
	return s.with(func(svc Services) error {
		in := operation.CreateTokenInput{Caller: caller, Name: c.Name, Permissions: permissions}
		if c.Expires > 0 {
			in.Expires = svc.Now().Add(c.Expires)
		}
		t, shown, err := svc.Tokens.Create(s.ctx, in)
		if err != nil {
			return err
		}
		w := tokenWireOf(t)
		w.Token = shown.Reveal()
		return s.print(w, append(tokenHeading, "TOKEN (shown once)"), [][]string{append(w.row(), w.Token)})
	})
}

type tokenListCmd struct{ owner }

// Run implements the command.
func (c tokenListCmd) Run(s *session) error {
	caller, err := c.caller(s)
	if err != nil {
		return err
	}
	return s.with(func(svc Services) error {
		all, rows := []tokenWire{}, [][]string{}
		for after, more := (apitoken.ID{}), true; more; {
			var items []*apitoken.Token
			var err error
			items, more, err = svc.Tokens.List(s.ctx, operation.ListTokensInput{Caller: caller, After: after, Limit: pageSize})
			if err != nil {
				return err
			}
			for _, t := range items {
				all, rows, after = append(all, tokenWireOf(t)), append(rows, tokenWireOf(t).row()), t.Snapshot().ID
			}
		}
		return s.print(all, tokenHeading, rows)
	})
}

type tokenRevokeCmd struct {
	owner
	ID string `arg:"" help:"Id of the token."`
}

// Run implements the command.
func (c tokenRevokeCmd) Run(s *session) error {
	caller, err := c.caller(s)
	if err != nil {
		return err
	}
	id, err := apitoken.ParseID(c.ID)
	if err != nil {
		return usage(err)
	}
	return s.with(func(svc Services) error {
		if err := svc.Tokens.Revoke(s.ctx, operation.RevokeTokenInput{Caller: caller, ID: id}); err != nil {
			return err
		}
		w := struct {
			Revoked string `json:"revoked"`
		}{c.ID}
		return s.print(w, []string{"REVOKED"}, [][]string{{c.ID}})
	})
}

type keysCmd struct {
	List   keysListCmd   `cmd:"" help:"List published signing keys."`
	Rotate keysRotateCmd `cmd:"" help:"Publish a new signing key; it signs after five minutes."`
	Remove keysRemoveCmd `cmd:"" help:"Refuse what a signing key signed, from now on and for good; if it signs now, another one does at once."`
}

type keyWire struct {
	KID       string  `json:"kid"`
	Alg       string  `json:"alg"`
	Status    string  `json:"status"`
	CreatedAt string  `json:"createdAt"`
	SignsFrom string  `json:"signsFrom"`
	RetiredAt *string `json:"retiredAt"`
}

func (s *session) printKeys(list operation.KeyList, now time.Time) error {
	all, rows := []keyWire{}, [][]string{}
	for _, k := range list.Keys {
		w := keyWire{
			KID: k.ID, Alg: string(k.Algorithm), Status: "retired",
			CreatedAt: stamp(k.Created), SignsFrom: stamp(k.SignsFrom),
		}
		switch {
		case k.ID == list.Signer:
			w.Status = "active"
		case now.Before(k.SignsFrom):
			w.Status = "pending"
		}
		retired := ""
		if !k.Retired.IsZero() {
			retired = stamp(k.Retired)
			w.RetiredAt = &retired
		}
		all, rows = append(all, w), append(rows, []string{w.KID, w.Alg, w.Status, w.SignsFrom, retired})
	}
	return s.print(all, []string{"KID", "ALG", "STATUS", "SIGNS FROM", "RETIRED"}, rows)
}

type keysListCmd struct{}

// Run implements the command.
func (keysListCmd) Run(s *session) error {
	return s.with(func(svc Services) error {
		list, err := svc.Keys.List(s.ctx, s.actor())
		if err != nil {
			return err
		}
		return s.printKeys(list, svc.Now())
	})
}

type keysRotateCmd struct{}

// Run implements the command.
func (keysRotateCmd) Run(s *session) error {
	return s.with(func(svc Services) error {
		list, err := svc.Keys.Rotate(s.ctx, s.actor())
		if err != nil {
			return err
		}
		return s.printKeys(list, svc.Now())
	})
}

type keysRemoveCmd struct {
	KID string `arg:"" name:"kid" help:"Id of the key, as keys list shows it; after -- when it begins with a hyphen."`
}

// Run implements the command.
func (c keysRemoveCmd) Run(s *session) error {
	return s.with(func(svc Services) error {
		if err := svc.Keys.Remove(s.ctx, s.actor(), c.KID); err != nil {
			return err
		}
		list, err := svc.Keys.List(s.ctx, s.actor())
		if err != nil {
			return err
		}
		return s.printKeys(list, svc.Now())
	})
}

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Check every hash chain of the audit trail."`
}

type auditVerifyCmd struct{}

var errTampered = fault.New(fault.Invalid, "audit_flawed", "The audit trail is not what was written.")

type flawWire struct {
	Tenant string `json:"tenant"`
	Writer string `json:"writer"`
	Flaw   string `json:"flaw"`
	Seq    int64  `json:"seq"`
	Event  string `json:"event"`
}

// Run implements the command.
func (auditVerifyCmd) Run(s *session) error {
	return s.with(func(svc Services) error {
		report, err := svc.Audit.Verify(s.ctx, s.actor())
		if err != nil {
			return err
		}
		v := struct {
			Chains   int        `json:"chains"`
			Records  int64      `json:"records"`
			Findings []flawWire `json:"findings"`
		}{Chains: report.Chains, Records: report.Records, Findings: []flawWire{}}
		rows := [][]string{}
		for _, f := range report.Findings {
			w := flawWire{Tenant: f.Chain.Tenant.String(), Writer: f.Chain.Writer.String(), Flaw: string(f.Flaw), Seq: f.Seq, Event: f.Event.String()}
			v.Findings = append(v.Findings, w)
			rows = append(rows, []string{w.Flaw, w.Tenant, w.Writer, fmt.Sprint(w.Seq), w.Event})
		}
		if len(rows) == 0 {
			rows = append(rows, []string{"none", fmt.Sprintf("%d chains", v.Chains), fmt.Sprintf("%d records", v.Records), "", ""})
		}
		if err := s.print(v, []string{"FLAW", "TENANT", "WRITER", "SEQ", "EVENT"}, rows); err != nil {
			return err
		}
		if len(report.Findings) > 0 {
			return errTampered
		}
		return nil
	})
}
