package cli

// Settings are the raw values of flags and environment, in the names of
// contract.md section 9. They are judged in one place, by bootstrap; secrets
// may come as files. Kong reads the environment, and a flag wins over it.
type Settings struct {
	Listen        string `env:"OSTIARY_LISTEN" default:"127.0.0.1:18080" help:"Address to listen on."`
	PublicURL     string `name:"public-url" env:"OSTIARY_PUBLIC_URL" help:"Address that users see; required when listening beyond loopback."`
	Storage       string `env:"OSTIARY_STORAGE" help:"Where data lives: sqlite:PATH, mongodb://host/database or mongodb+srv://name/database (default sqlite:./data/ostiary.db)."`
	StorageFile   string `env:"OSTIARY_STORAGE_FILE" help:"File that holds the storage address."`
	MasterKey     string `env:"OSTIARY_MASTER_KEY" help:"Base64 of 32 bytes; required on MongoDB, on SQLite made beside the database when missing."`
	MasterKeyFile string `env:"OSTIARY_MASTER_KEY_FILE" help:"File that holds the master key."`

	OperatorToken     string `env:"OSTIARY_OPERATOR_TOKEN" help:"Operator's token, 32 characters or more."`
	OperatorTokenFile string `env:"OSTIARY_OPERATOR_TOKEN_FILE" help:"File that holds the operator's token."`

	Mail     string `env:"OSTIARY_MAIL" help:"How mail leaves: console:, smtp://…, smtps://… or file:DIR (default console:)."`
	MailFile string `env:"OSTIARY_MAIL_FILE" help:"File that holds the mail address."`

	Limits         string `env:"OSTIARY_LIMITS" help:"Limits on guessing, such as login-user=10/15m; off for load tests."`
	StaleSeconds   string `env:"OSTIARY_STALE_SECONDS" default:"30" help:"Without news from storage for longer, token checks answer 503."`
	BaseDomain     string `env:"OSTIARY_BASE_DOMAIN" help:"Domain whose sub-domains are tenant codes."`
	DefaultTenant  string `env:"OSTIARY_DEFAULT_TENANT" help:"Tenant of requests that name none."`
	TrustedProxies string `env:"OSTIARY_TRUSTED_PROXIES" help:"Addresses or CIDR ranges whose X-Forwarded-* counts, comma separated."`

	Argon2MemoryKiB   string `name:"argon2-memory-kib" env:"OSTIARY_ARGON2_MEMORY_KIB" default:"19456" help:"Memory of one password hash."`
	Argon2Iterations  string `name:"argon2-iterations" env:"OSTIARY_ARGON2_ITERATIONS" default:"2" help:"Iterations of one password hash."`
	Argon2Parallelism string `name:"argon2-parallelism" env:"OSTIARY_ARGON2_PARALLELISM" default:"1" help:"Lanes of one password hash."`

	SigningAlgorithm string `env:"OSTIARY_SIGNING_ALGORITHM" default:"ES256" help:"Algorithm of new signing keys: ES256, EdDSA or RS256."`
	ExpiresUnit      string `env:"OSTIARY_EXPIRES_UNIT" default:"ms" help:"Unit of accessExpiresUnix: ms or s."`
	ParityRoutes     string `env:"OSTIARY_PARITY_ROUTES" default:"on" help:"Routes of the original product under /api/v1/auth: on or off."`
	MetricsListen    string `env:"OSTIARY_METRICS_LISTEN" help:"Separate address for /metrics, served without a token."`
	LogLevel         string `env:"OSTIARY_LOG_LEVEL" default:"info" help:"debug, info, warn or error."`
	LogFormat        string `env:"OSTIARY_LOG_FORMAT" help:"json or console (default: console on a terminal)."`
}
