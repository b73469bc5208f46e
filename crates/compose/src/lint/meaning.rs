//! What the name of a variable says about its value. Names are all there is to go by: values are not in the file.

/// What a value is good for, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Meaning {
    /// It chooses code.
    Code,
    /// It is a node, a contract or the number of a chain.
    Chain,
    /// It is a secret.
    Secret(Secret),
    /// It is an address to which data or credentials go.
    Data,
    /// It is another address.
    Address,
}

/// What a secret opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Secret {
    /// It signs for the app.
    Signing,
    /// It encrypts or authenticates data and sessions.
    Encryption,
    /// It makes somebody an administrator.
    Admin,
    /// It opens another service.
    Credential,
    /// It opens reports about the app.
    Report,
}

/// Variables that loaders and interpreters take code from.
const LOADERS: [&str; 14] = [
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "LD_AUDIT",
    "NODE_OPTIONS",
    "NODE_PATH",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONHOME",
    "BASH_ENV",
    "ENV",
    "PERL5OPT",
    "RUBYOPT",
    "JAVA_TOOL_OPTIONS",
    "PATH",
];

const URLS: [&str; 14] = [
    "URL",
    "URI",
    "URLS",
    "ENDPOINT",
    "ENDPOINTS",
    "HOST",
    "HOSTNAME",
    "DOMAIN",
    "WEBHOOK",
    "DSN",
    "SERVER",
    "PROXY",
    "BROKER",
    "BASEURL",
];
const DATA: [&str; 34] = [
    "DATABASE",
    "DB",
    "POSTGRES",
    "POSTGRESQL",
    "PG",
    "MYSQL",
    "MONGO",
    "MONGODB",
    "REDIS",
    "DSN",
    "WEBHOOK",
    "PROXY",
    "SMTP",
    "MAIL",
    "S3",
    "STORAGE",
    "BUCKET",
    "OPENAI",
    "ANTHROPIC",
    "LLM",
    "INFERENCE",
    "API",
    "AUTH",
    "OAUTH",
    "OIDC",
    "UPLOAD",
    "BACKUP",
    "LOG",
    "LOGS",
    "TELEMETRY",
    "SENTRY",
    "OTEL",
    "COLLECTOR",
    "CALLBACK",
];

/// What a value is good for, by the name of the variable and the text around it. `None` if the name says nothing.
pub(super) fn meaning(name: &str, value: &str) -> Option<Meaning> {
    let upper = name.to_ascii_uppercase();
    let words: Vec<&str> = upper.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let has = |set: &[&str]| words.iter().any(|word| set.contains(word));
    let address = has(&URLS);
    if LOADERS.contains(&upper.as_str()) || chooses_code(&has) {
        return Some(Meaning::Code);
    }
    if let Some(secret) = secret(&words, &has) {
        return Some(Meaning::Secret(secret));
    }
    let last = words.last().copied().unwrap_or_default();
    let node = has(&["RPC", "RPCS"])
        && (has(&["URL", "URLS", "URI", "ENDPOINT", "HOST", "PROVIDER", "WS", "HTTP"])
            || last == "RPC");
    let of_chain = has(&["ETH", "ETHEREUM", "WEB3", "L1", "L2", "CHAIN", "ALCHEMY", "INFURA"]);
    let contract = has(&["CONTRACT", "REGISTRY"]) && has(&["ADDRESS", "ADDR"]);
    if node || contract || (of_chain && address) || upper == "CHAIN_ID" || last == "CONTRACT" {
        return Some(Meaning::Chain);
    }
    let in_value = value.contains("://$");
    (address || in_value).then(|| if has(&DATA) { Meaning::Data } else { Meaning::Address })
}

fn chooses_code(has: &impl Fn(&[&str]) -> bool) -> bool {
    let source = has(&[
        "URL", "URI", "SHA", "SHA256", "REF", "VERSION", "SRC", "SOURCE", "TAG", "BRANCH",
        "DIGEST", "COMMAND",
    ]);
    let code = has(&[
        "GIT",
        "MODULE",
        "MODULES",
        "PLUGIN",
        "PLUGINS",
        "SCRIPT",
        "CODE",
        "PACKAGE",
        "WASM",
        "BINARY",
        "INSTALL",
        "INSTALLER",
        "LAUNCHER",
        "BOOTSTRAP",
        "IMAGE",
        "ENTRYPOINT",
    ]);
    has(&["COMMIT", "REPO", "REPOSITORY"]) || (code && source)
}

fn secret(words: &[&str], has: &impl Fn(&[&str]) -> bool) -> Option<Secret> {
    let last = words.last().copied().unwrap_or_default();
    let about = [
        "FILE", "PATH", "NAME", "ID", "HASH", "TTL", "EXPIRY", "EXPIRES", "URL", "URI", "HOST",
        "ADDRESS", "ADDR", "LIMIT", "LIMITS", "COUNT", "MAX", "MIN", "USERNAME", "USER",
    ];
    // The launch token is what protects the values; a public key is no secret.
    if about.contains(&last) || has(&["PUBLIC", "PUB", "PUBKEY", "LAUNCH"]) {
        return None;
    }
    let secretive = has(&[
        "KEY",
        "KEYS",
        "SECRET",
        "SECRETS",
        "PASSWORD",
        "PASSWD",
        "PASS",
        "PASSPHRASE",
        "TOKEN",
        "TOKENS",
        "SEED",
        "CREDENTIALS",
        "CREDENTIAL",
        "APIKEY",
        "SALT",
        "PRIVKEY",
        "MNEMONIC",
    ]);
    if !secretive {
        return None;
    }
    let signing = [
        "SIGNING",
        "SIGNER",
        "SIGN",
        "PRIVATE",
        "PRIVKEY",
        "MNEMONIC",
        "SEED",
        "WALLET",
        "DEPLOYER",
        "VALIDATOR",
        "ATTESTER",
    ];
    let encryption = [
        "ENCRYPTION",
        "ENCRYPT",
        "MASTER",
        "JWT",
        "SESSION",
        "COOKIE",
        "HMAC",
        "AES",
        "KEK",
        "SALT",
    ];
    Some(if has(&["REPORT", "REPORTS", "METRICS", "STATUS", "HEALTH", "MONITORING", "DASHBOARD"]) {
        Secret::Report
    } else if has(&signing) {
        Secret::Signing
    } else if has(&encryption) || (has(&["SECRET"]) && has(&["KEY"]) && !has(&["ACCESS"])) {
        Secret::Encryption
    } else if has(&["ADMIN", "ROOT", "SUPERUSER", "BACKDOOR", "DEBUG", "OPERATOR"]) {
        Secret::Admin
    } else {
        Secret::Credential
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_understood_by_their_words() {
        use Meaning::{Address, Chain, Code, Data};
        let secret = |it: Secret| Some(Meaning::Secret(it));
        for (name, expected) in [
            ("COMMIT_SHA", Some(Code)),
            ("MODULE_URL", Some(Code)),
            ("GIT_REF", Some(Code)),
            ("NODE_OPTIONS", Some(Code)),
            ("IMAGE_TAG", Some(Code)),
            ("SIGNING_KEY", secret(Secret::Signing)),
            ("wallet_private_key", secret(Secret::Signing)),
            ("JWT_SECRET", secret(Secret::Encryption)),
            ("SECRET_KEY", secret(Secret::Encryption)),
            ("AWS_SECRET_ACCESS_KEY", secret(Secret::Credential)),
            ("ADMIN_TOKEN", secret(Secret::Admin)),
            ("CF_API_TOKEN", secret(Secret::Credential)),
            ("REPORT_TOKEN", secret(Secret::Report)),
            ("ETH_RPC_URL", Some(Chain)),
            ("KMS_CONTRACT_ADDR", Some(Chain)),
            ("CHAIN_ID", Some(Chain)),
            ("DATABASE_URL", Some(Data)),
            ("MY_URL", Some(Address)),
            ("RPC_DOMAIN", Some(Address)),
            ("APP_LAUNCH_TOKEN", None),
            ("PUBLIC_KEY", None),
            ("KEY_FILE", None),
            ("TOKENIZER", None),
            ("LOG_LEVEL", None),
            ("RUST_LOG", None),
            ("MODEL", None),
        ] {
            assert_eq!(meaning(name, ""), expected, "{name}");
        }
        assert_eq!(meaning("UPSTREAM", "https://${UPSTREAM}/x"), Some(Address));
    }
}
