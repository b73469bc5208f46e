//! Settings: devproof.toml, then the environment, then flags. Clap joins the last two.

use crate::{
    Failure,
    opts::{Global, KeyArgs, KeystoreArgs, ServicesArgs, SignArgs, SourceArgs, pccs},
};
use alloy_primitives::Address;
use devproof_api::{Families, Finality, RateLimit, documents::Declared, parse};
use devproof_chain::Node;
use devproof_evidence::Verifier;
use devproof_indexer::{DEFAULT_LAG_PATIENCE, DEFAULT_PAGE_BLOCKS, Options, Sources};
use serde::{Deserialize, Deserializer, de::Error};
use std::{
    fs, io,
    net::SocketAddr,
    num::{NonZeroU32, NonZeroU64, NonZeroUsize},
    path::{Path, PathBuf},
    time::Duration,
};

/// The file that is read if it is there.
const DEFAULT_FILE: &str = "devproof.toml";
/// The database unless another one is named.
const DEFAULT_DATABASE: &str = "devproof.db";
/// How often the node is asked for news, in seconds: a few blocks of most chains.
const DEFAULT_POLL_SECONDS: u64 = 5;
/// Requests a second of one client: many times what a person or a feed reader needs.
const DEFAULT_RATE_LIMIT: u32 = 50;

/// What the file may say, under the long names of the flags. An unknown key is an error, since a
/// misspelt one would otherwise pass unseen.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct File {
    database: Option<String>,
    chain: Option<u64>,
    #[serde(deserialize_with = "one_or_many")]
    rpc_url: Vec<String>,
    agree: Option<NonZeroUsize>,
    #[serde(deserialize_with = "finality")]
    finality: Option<Finality>,
    listen: Option<SocketAddr>,
    metrics_listen: Option<SocketAddr>,
    no_index: bool,
    no_notify: bool,
    public_url: Option<String>,
    rate_limit: Option<u32>,
    behind_proxy: bool,
    #[serde(deserialize_with = "addresses")]
    kms: Vec<Address>,
    #[serde(deserialize_with = "addresses")]
    factory: Vec<Address>,
    #[serde(deserialize_with = "addresses")]
    registry: Vec<Address>,
    #[serde(deserialize_with = "addresses")]
    app: Vec<Address>,
    start_block: Option<u64>,
    poll_seconds: Option<u64>,
    page_blocks: Option<NonZeroU64>,
    pccs: Vec<String>,
    collateral_cache: Option<PathBuf>,
    backend: Vec<String>,
    keystore: Option<PathBuf>,
    account: Option<String>,
    password_file: Option<PathBuf>,
    aws_kms_key: Option<String>,
    #[serde(deserialize_with = "address")]
    safe: Option<Address>,
    family: Vec<Family>,
}

/// Apps that belong to one product.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Family {
    name: String,
    #[serde(alias = "chain_id")]
    chain_id: u64,
    #[serde(deserialize_with = "addresses")]
    apps: Vec<Address>,
}

/// The settings that hold.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The database.
    pub database: String,
    /// Whether somebody named it, or it is where it is by default.
    pub has_database: bool,
    /// The chain, if one was named.
    pub chain: Option<u64>,
    /// Where the node is asked.
    pub nodes: Nodes,
    /// Apps that belong together.
    pub families: Families,
    file: File,
}

/// Where a node is asked: nowhere, at one endpoint, or at several of the same chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nodes {
    /// The endpoints, in the order in which they are turned to.
    pub urls: Vec<String>,
    /// How many of them have to give the same logs.
    pub agree: NonZeroUsize,
}

impl Nodes {
    /// Connects; `None` if no node was named.
    ///
    /// # Errors
    /// What keeps it from answering; more nodes wanted to agree than there are.
    pub async fn connect(&self) -> Result<Option<Node>, Failure> {
        let urls: Vec<&str> = self.urls.iter().map(String::as_str).collect();
        if urls.is_empty() {
            return Ok(None);
        }
        if self.agree.get() > urls.len() {
            return Err(Failure::Usage(format!(
                "--agree asks for {} nodes and --rpc-url names {}; name more, or ask for fewer",
                self.agree,
                urls.len(),
            )));
        }
        let options = devproof_chain::Options { agreement: self.agree, ..Default::default() };
        Ok(Some(Node::connect_any(&urls, options).await?))
    }
}

impl Settings {
    /// The finality to require: the flag's, the file's, or the chain's default.
    #[must_use]
    pub fn finality(&self, flag: Option<Finality>, chain_id: u64) -> Finality {
        flag.or(self.file.finality).unwrap_or_else(|| Finality::default_of(chain_id))
    }

    /// Who is asked about evidence. What is given as a flag replaces what the file says.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a verifier or a service in the file that is none.
    pub fn services(&self, mut args: ServicesArgs) -> Result<ServicesArgs, Failure> {
        let unfit = |why: String| Failure::Usage(format!("in the configuration: {why}"));
        if args.pccs.is_empty() {
            let read = self.file.pccs.iter().map(|url| pccs(url)).collect::<Result<_, _>>();
            args.pccs = read.map_err(unfit)?;
        }
        if args.backend.is_empty() {
            let read = self.file.backend.iter().map(|name| name.parse::<Verifier>());
            let read = read.collect::<Result<_, _>>();
            args.backend = read.map_err(|e| unfit(e.to_string()))?;
        }
        args.collateral_cache =
            args.collateral_cache.or_else(|| self.file.collateral_cache.clone());
        Ok(args)
    }

    /// Where to listen: the flag's, the file's, or any free port of this machine alone.
    #[must_use]
    pub fn listen(&self, flag: Option<SocketAddr>) -> SocketAddr {
        flag.or(self.file.listen).unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// How the service is named where it is read elsewhere, if somebody said so.
    #[must_use]
    pub fn public_url(&self, flag: Option<String>) -> Option<String> {
        flag.or_else(|| self.file.public_url.clone())
    }

    /// How often one client may ask; `None` for any number.
    #[must_use]
    pub fn rate_limit(&self, flag: Option<u32>, behind_proxy: bool) -> Option<RateLimit> {
        let per_second = flag.or(self.file.rate_limit).unwrap_or(DEFAULT_RATE_LIMIT);
        let behind_proxy = behind_proxy || self.file.behind_proxy;
        NonZeroU32::new(per_second).map(|per_second| RateLimit { per_second, behind_proxy })
    }

    /// Where to tell how the indexer is doing; nowhere unless somebody said where.
    #[must_use]
    pub fn metrics_listen(&self, flag: Option<SocketAddr>) -> Option<SocketAddr> {
        flag.or(self.file.metrics_listen)
    }

    /// Whether the database is only read.
    #[must_use]
    pub const fn no_index(&self, flag: bool) -> bool {
        flag || self.file.no_index
    }

    /// Whether nothing is sent to subscribers.
    #[must_use]
    pub const fn no_notify(&self, flag: bool) -> bool {
        flag || self.file.no_notify
    }

    /// Who signs: what the file says where neither flags nor environment do.
    #[must_use]
    pub fn signing(&self, args: SignArgs) -> SignArgs {
        let (key, is_named) = (args.key, args.safe.is_some() || args.private_key.is_some());
        let is_named = is_named || key.is_named();
        let key = KeyArgs { store: self.keystore(key.store, !is_named), ..key };
        if is_named {
            return SignArgs { key, ..args };
        }
        let key = KeyArgs { aws_kms_key: self.file.aws_kms_key.clone(), ..key };
        SignArgs { key, safe: self.file.safe, ..args }
    }

    /// Which keystore: that of the file if it `is_wanted`; and the password, which the file may name in any case.
    fn keystore(&self, args: KeystoreArgs, is_wanted: bool) -> KeystoreArgs {
        let or = |given: Option<PathBuf>, file: &Option<PathBuf>| given.or_else(|| file.clone());
        let password_file = or(args.password_file, &self.file.password_file);
        if !is_wanted {
            return KeystoreArgs { password_file, ..args };
        }
        let (keystore, account) = (self.file.keystore.clone(), self.file.account.clone());
        KeystoreArgs { keystore, account, password_file }
    }

    /// Which keystore is to be made: what the file says where neither flags nor environment do.
    #[must_use]
    pub fn new_keystore(&self, args: KeystoreArgs) -> KeystoreArgs {
        let is_named = args.keystore.is_some() || args.account.is_some();
        self.keystore(args, !is_named)
    }

    /// What the indexer is to do. A list given as flags replaces the one in the file.
    #[must_use]
    pub fn indexing(&self, args: SourceArgs) -> Options {
        let either = |flags: Vec<Address>, file: &[Address]| {
            if flags.is_empty() { file.to_vec() } else { flags }
        };
        let seconds = args.poll_seconds.or(self.file.poll_seconds).unwrap_or(DEFAULT_POLL_SECONDS);
        Options {
            sources: Sources {
                kms: either(args.kms, &self.file.kms),
                factories: either(args.factory, &self.file.factory),
                registries: either(args.registry, &self.file.registry),
                apps: either(args.app, &self.file.app),
            },
            start_block: args.start_block.or(self.file.start_block).unwrap_or(0),
            poll_interval: Duration::from_secs(seconds.max(1)),
            page_blocks: args.page_blocks.or(self.file.page_blocks).unwrap_or(DEFAULT_PAGE_BLOCKS),
            lag_patience: DEFAULT_LAG_PATIENCE,
        }
    }
}

/// Which file holds the settings, whether it is there or not.
#[must_use]
pub fn path(global: &Global) -> PathBuf {
    global.config.clone().unwrap_or_else(|| DEFAULT_FILE.into())
}

/// What stands in it.
///
/// # Errors
/// What keeps it from being read.
pub fn text(path: &Path) -> io::Result<String> {
    fs::read_to_string(path)
}

/// Joins the file with flags and environment.
///
/// # Errors
/// [`Failure::Usage`] for a file that was named and is not there, and for one that makes no sense.
pub fn load(global: Global) -> Result<Settings, Failure> {
    let path = path(&global);
    let file = match text(&path) {
        Ok(text) => read(&path, &text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound && global.config.is_none() => {
            File::default()
        }
        Err(error) => {
            let path = path.display();
            return Err(Failure::Usage(format!(
                "the configuration {path} cannot be read ({error}); name another one with --config"
            )));
        }
    };
    let declared = file.family.iter().map(|family| Declared {
        name: family.name.clone(),
        chain_id: family.chain_id,
        apps: family.apps.clone(),
    });
    let families = Families::new(declared)
        .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
    Ok(joined(global, file, families))
}

/// The settings of flags and environment alone.
#[must_use]
pub fn without_file(global: Global) -> Settings {
    joined(global, File::default(), Families::default())
}

fn joined(global: Global, file: File, families: Families) -> Settings {
    let named = global.database.or_else(|| file.database.clone());
    Settings {
        families,
        has_database: named.is_some() || Path::new(DEFAULT_DATABASE).exists(),
        database: named.unwrap_or_else(|| DEFAULT_DATABASE.to_owned()),
        chain: global.chain.or(file.chain),
        nodes: Nodes {
            urls: if global.rpc_url.is_empty() { file.rpc_url.clone() } else { global.rpc_url },
            agree: global.agree.or(file.agree).unwrap_or(NonZeroUsize::MIN),
        },
        file,
    }
}

/// The keys of a file that mean nothing, with their lines; none for a file that cannot be read at all.
#[must_use]
pub fn unknown_keys(text: &str) -> Vec<(String, usize)> {
    let table: toml::Table = text.parse().unwrap_or_default();
    let means_nothing = |(key, value): (&String, &toml::Value)| {
        let alone = toml::Table::from_iter([(key.clone(), value.clone())]);
        let error = alone.try_into::<File>().err()?;
        error.message().starts_with(&format!("unknown field `{key}`")).then(|| key.clone())
    };
    let line = |key: &String| {
        let at = text.lines().position(|line| {
            let line = line.trim_start_matches(['[', ' ', '\t', '"', '\'']);
            line.strip_prefix(key.as_str()).is_some_and(|rest| {
                rest.trim_start_matches(['"', '\'']).trim_start().starts_with(['=', '.', ']'])
            })
        });
        at.map_or(1, |at| at + 1)
    };
    table.iter().filter_map(means_nothing).map(|key| (key.clone(), line(&key))).collect()
}

fn read(path: &Path, text: &str) -> Result<File, Failure> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let path = path.display();
        Failure::Usage(format!("{path}, line {line}: {}", error.message().trim_end_matches('.')))
    })
}

fn addresses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Address>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| parse::app(text).map_err(D::Error::custom)).collect()
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Address>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse::app(&text).map(Some).map_err(D::Error::custom)
}

/// A URL, or a list of them.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Urls {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Urls::deserialize(deserializer)? {
        Urls::One(url) => vec![url],
        Urls::Many(urls) => urls,
    })
}

fn finality<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Finality>, D::Error> {
    let name = String::deserialize(deserializer)?;
    name.parse().map(Some).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_named() {
        let failure = read(Path::new("devproof.toml"), "chain = 1\ndatabse = \"x\"\n").unwrap_err();
        let Failure::Usage(why) = failure else { panic!("{failure:?}") };
        assert!(
            why.starts_with("devproof.toml, line 2: unknown field `databse`, expected one of "),
            "{why}"
        );
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let text = "chain = 1\nfinality = \"safe\"\nkms = [\"0x2f83172a49584c017f2b256f0fb2dca14126ba9c\"]\nstart-block = 5";
        let file = read(Path::new("f"), text).unwrap();
        let settings = Settings {
            database: String::new(),
            has_database: false,
            chain: None,
            nodes: Nodes { urls: Vec::new(), agree: NonZeroUsize::MIN },
            families: Families::default(),
            file,
        };
        assert_eq!(settings.finality(None, 31337), Finality::Safe);
        assert_eq!(settings.finality(Some(Finality::Unsafe), 1), Finality::Unsafe);
        let options = settings.indexing(SourceArgs::default());
        assert_eq!((options.sources.kms.len(), options.start_block), (1, 5));
        let flags = SourceArgs {
            kms: vec![Address::ZERO, Address::ZERO],
            start_block: Some(6),
            ..SourceArgs::default()
        };
        let options = settings.indexing(flags);
        assert_eq!((options.sources.kms.len(), options.start_block), (2, 6));
    }
}
