-- Times are Unix milliseconds in UTC, NULL for none. Lists and maps that no
-- query looks into are JSON text. Tables of tenant data begin with the tenant,
-- in the primary key and in every index.

-- +goose Up

CREATE TABLE tenants (
  id        BLOB    NOT NULL PRIMARY KEY,
  code      TEXT    NOT NULL UNIQUE,
  name      TEXT    NOT NULL,
  currency  TEXT    NOT NULL,
  status    TEXT    NOT NULL,
  audience  TEXT    UNIQUE,
  host_list TEXT,
  scopes    TEXT,
  settings  TEXT    NOT NULL,
  created   INTEGER,
  updated   INTEGER,
  version   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE hosts (
  host   TEXT NOT NULL PRIMARY KEY,
  tenant BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX hosts_tenant ON hosts (tenant);

CREATE TABLE origins (
  origin TEXT NOT NULL,
  tenant BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  PRIMARY KEY (origin, tenant)
) STRICT, WITHOUT ROWID;
CREATE INDEX origins_tenant ON origins (tenant);

-- Tenants whose own data is still being removed, batch by batch.
CREATE TABLE doomed (
  tenant BLOB NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE numbers (
  tenant BLOB    NOT NULL,
  kind   TEXT    NOT NULL,
  next   INTEGER NOT NULL,
  PRIMARY KEY (tenant, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE companies (
  tenant         BLOB    NOT NULL,
  id             INTEGER NOT NULL,
  name           TEXT    NOT NULL,
  email          TEXT,
  email_key      TEXT,
  phone          TEXT    NOT NULL,
  currency       TEXT,
  external_ref   TEXT    NOT NULL,
  billing        TEXT,
  scopes         TEXT,
  portal         BLOB    NOT NULL,
  portal_name    TEXT    NOT NULL,
  portal_enabled INTEGER NOT NULL,
  avatar         TEXT,
  created        INTEGER,
  updated        INTEGER,
  version        INTEGER NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE tags (
  tenant      BLOB    NOT NULL,
  id          INTEGER NOT NULL,
  name        TEXT    NOT NULL,
  description TEXT    NOT NULL,
  icon        TEXT    NOT NULL,
  color       TEXT    NOT NULL,
  created     INTEGER,
  updated     INTEGER,
  version     INTEGER NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

-- membership_list and tag_list are what is read; the tables memberships and
-- contact_tags follow them for what is searched and referred to. The columns
-- that end in _key hold the lower-cased text that searches compare with.
-- A row id keeps the indexes apart from the wide rows: a page far into a list
-- walks an index alone.
CREATE TABLE contacts (
  tenant          BLOB    NOT NULL,
  id              INTEGER NOT NULL,
  first_name      TEXT    NOT NULL,
  last_name       TEXT    NOT NULL,
  email           TEXT,
  email_key       TEXT,
  phone           TEXT    NOT NULL,
  phone2          TEXT    NOT NULL,
  membership_list TEXT    NOT NULL,
  tag_list        TEXT,
  scopes          TEXT,
  external_ref    TEXT    NOT NULL,
  avatar          TEXT,
  created         INTEGER,
  updated         INTEGER,
  version         INTEGER NOT NULL,
  first_key       TEXT    NOT NULL,
  last_key        TEXT    NOT NULL,
  full_key        TEXT    NOT NULL,
  phone_key       TEXT,
  phone2_key      TEXT,
  PRIMARY KEY (tenant, id)
) STRICT;
CREATE UNIQUE INDEX contacts_email ON contacts (tenant, email_key) WHERE email_key IS NOT NULL;
CREATE INDEX contacts_first ON contacts (tenant, first_key, id);
CREATE INDEX contacts_last ON contacts (tenant, last_key, id);
CREATE INDEX contacts_full ON contacts (tenant, full_key, id);
CREATE INDEX contacts_phone ON contacts (tenant, phone_key, id) WHERE phone_key IS NOT NULL;
CREATE INDEX contacts_phone2 ON contacts (tenant, phone2_key, id) WHERE phone2_key IS NOT NULL;

CREATE TABLE memberships (
  tenant  BLOB    NOT NULL,
  company INTEGER NOT NULL,
  contact INTEGER NOT NULL,
  PRIMARY KEY (tenant, company, contact),
  FOREIGN KEY (tenant, company) REFERENCES companies (tenant, id),
  FOREIGN KEY (tenant, contact) REFERENCES contacts (tenant, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_contact ON memberships (tenant, contact);

CREATE TABLE contact_tags (
  tenant  BLOB    NOT NULL,
  tag     INTEGER NOT NULL,
  contact INTEGER NOT NULL,
  PRIMARY KEY (tenant, tag, contact),
  FOREIGN KEY (tenant, tag) REFERENCES tags (tenant, id),
  FOREIGN KEY (tenant, contact) REFERENCES contacts (tenant, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX contact_tags_contact ON contact_tags (tenant, contact);

-- How many contacts a company has, under company 0 how many the tenant has.
CREATE TABLE contact_totals (
  tenant  BLOB    NOT NULL,
  company INTEGER NOT NULL,
  total   INTEGER NOT NULL,
  PRIMARY KEY (tenant, company)
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
  tenant    BLOB    NOT NULL,
  id        BLOB    NOT NULL,
  contact   INTEGER NOT NULL,
  hash      TEXT    NOT NULL,
  temporary INTEGER NOT NULL,
  enabled   INTEGER NOT NULL,
  roles     TEXT,
  epoch     INTEGER NOT NULL,
  created   INTEGER,
  updated   INTEGER,
  version   INTEGER NOT NULL,
  PRIMARY KEY (tenant, id),
  UNIQUE (tenant, contact),
  FOREIGN KEY (tenant, contact) REFERENCES contacts (tenant, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE blobs (
  tenant BLOB NOT NULL,
  id     BLOB NOT NULL,
  media  TEXT NOT NULL,
  bytes  BLOB,
  PRIMARY KEY (tenant, id)
) STRICT;

-- expires is when the row no longer matters: the end, or else the idle limit.
CREATE TABLE sessions (
  tenant     BLOB    NOT NULL,
  id         BLOB    NOT NULL,
  user       BLOB    NOT NULL,
  contact    INTEGER NOT NULL,
  company    INTEGER NOT NULL,
  portal     BLOB    NOT NULL,
  epoch      INTEGER NOT NULL,
  method     TEXT    NOT NULL,
  restricted INTEGER NOT NULL,
  auth_time  INTEGER,
  created    INTEGER,
  last_used  INTEGER,
  idle_until INTEGER,
  until      INTEGER,
  ended      INTEGER,
  user_agent TEXT    NOT NULL,
  address    TEXT    NOT NULL,
  generation INTEGER NOT NULL,
  current    BLOB,
  previous   BLOB,
  rotated_at INTEGER,
  expires    INTEGER,
  version    INTEGER NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions (tenant, user, created, id);
CREATE INDEX sessions_expires ON sessions (tenant, expires);

CREATE TABLE links (
  tenant  BLOB    NOT NULL,
  token   BLOB    NOT NULL,
  id      BLOB    NOT NULL,
  user    BLOB    NOT NULL,
  epoch   INTEGER NOT NULL,
  purpose TEXT    NOT NULL,
  binding BLOB,
  code    BLOB,
  tries   INTEGER NOT NULL,
  minted  INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  used    INTEGER,
  void    INTEGER NOT NULL,
  PRIMARY KEY (tenant, token)
) STRICT, WITHOUT ROWID;
CREATE INDEX links_user ON links (tenant, user, minted, id);
CREATE INDEX links_expires ON links (tenant, expires);

-- Keyed digests of tenant and address as given: they belong to no tenant.
CREATE TABLE counters (
  digest BLOB    NOT NULL PRIMARY KEY,
  count  INTEGER NOT NULL,
  at     INTEGER,
  forget INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX counters_forget ON counters (forget);

-- code is the tenant as the asker gave it, known or not. counts_until is when
-- the job no longer counts against the limit of its origin.
CREATE TABLE outbox (
  id           BLOB    NOT NULL PRIMARY KEY,
  kind         TEXT    NOT NULL,
  code         TEXT    NOT NULL,
  address      TEXT    NOT NULL,
  contact      INTEGER NOT NULL,
  binding      BLOB,
  origin       BLOB,
  request      TEXT    NOT NULL,
  asked        INTEGER NOT NULL,
  due          INTEGER NOT NULL,
  attempts     INTEGER NOT NULL,
  done         INTEGER,
  counts_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_due ON outbox (due) WHERE done IS NULL;
CREATE INDEX outbox_done ON outbox (done) WHERE done IS NOT NULL;
CREATE INDEX outbox_origin ON outbox (origin, asked) WHERE origin IS NOT NULL;

-- The operator's tokens have a tenant of sixteen zero bytes.
CREATE TABLE api_tokens (
  tenant      BLOB NOT NULL,
  id          BLOB NOT NULL,
  name        TEXT NOT NULL,
  digest      BLOB,
  permissions TEXT,
  created     INTEGER,
  created_by  TEXT NOT NULL,
  expires     INTEGER,
  revoked     INTEGER,
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE documents (
  tenant      BLOB    NOT NULL,
  company     INTEGER NOT NULL,
  kind        TEXT    NOT NULL,
  ref         TEXT    NOT NULL,
  status      TEXT    NOT NULL,
  currency    TEXT    NOT NULL,
  total       INTEGER NOT NULL,
  outstanding INTEGER NOT NULL,
  issued      INTEGER,
  due         INTEGER,
  version     INTEGER NOT NULL,
  updated     INTEGER,
  PRIMARY KEY (tenant, company, kind, ref)
) STRICT, WITHOUT ROWID;

CREATE TABLE figures (
  tenant            BLOB    NOT NULL,
  company           INTEGER NOT NULL,
  document_count    INTEGER NOT NULL,
  open_orders       INTEGER NOT NULL,
  pending_estimates INTEGER NOT NULL,
  unpaid_invoices   INTEGER NOT NULL,
  total_outstanding INTEGER NOT NULL,
  PRIMARY KEY (tenant, company)
) STRICT, WITHOUT ROWID;

-- audit_events also holds what lists filter by, so that a filter reads the
-- index alone. The system's chain has a tenant of sixteen zero bytes.
CREATE TABLE audit (
  tenant  BLOB    NOT NULL,
  writer  BLOB    NOT NULL,
  seq     INTEGER NOT NULL,
  id      BLOB    NOT NULL,
  at      INTEGER NOT NULL,
  actor   TEXT    NOT NULL,
  action  TEXT    NOT NULL,
  target  TEXT    NOT NULL,
  outcome TEXT    NOT NULL,
  request TEXT    NOT NULL,
  details TEXT,
  prev    BLOB,
  digest  BLOB,
  PRIMARY KEY (tenant, writer, seq)
) STRICT;
CREATE INDEX audit_events ON audit (tenant, id, at, action, actor);

CREATE TABLE heads (
  tenant BLOB    NOT NULL,
  writer BLOB    NOT NULL,
  seq    INTEGER NOT NULL,
  digest BLOB,
  at     INTEGER,
  mac    BLOB,
  PRIMARY KEY (tenant, writer)
) STRICT, WITHOUT ROWID;

CREATE TABLE keyset (
  one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  version INTEGER NOT NULL
) STRICT;

CREATE TABLE keys (
  place      INTEGER NOT NULL PRIMARY KEY,
  id         TEXT    NOT NULL UNIQUE,
  algorithm  TEXT    NOT NULL,
  public     BLOB,
  private    BLOB,
  created    INTEGER,
  signs_from INTEGER,
  retired    INTEGER
) STRICT;

CREATE TABLE idempotency (
  tenant   BLOB    NOT NULL,
  digest   BLOB    NOT NULL,
  body     BLOB    NOT NULL,
  lease    INTEGER NOT NULL,
  answered INTEGER,
  answer   BLOB,
  expires  INTEGER NOT NULL,
  PRIMARY KEY (tenant, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_expires ON idempotency (tenant, expires);

-- AUTOINCREMENT, so that a number is not given again after the newest changes
-- were trimmed.
CREATE TABLE changes (
  seq    INTEGER PRIMARY KEY AUTOINCREMENT,
  at     INTEGER NOT NULL,
  tenant BLOB    NOT NULL,
  kind   TEXT    NOT NULL,
  id     TEXT    NOT NULL
) STRICT;
CREATE INDEX changes_at ON changes (at);
