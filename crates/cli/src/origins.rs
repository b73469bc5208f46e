//! Where each setting comes from: a flag, the environment, or the file.

use clap::{ArgMatches, Command, parser::ValueSource};
use std::collections::BTreeMap;

/// What the environment may hold that no option is: secrets, which the argument parser would keep and show.
pub const SECRETS: [&str; 3] = ["DEVPROOF_PASSWORD", "DEVPROOF_PRIVATE_KEY", "DEVPROOF_MNEMONIC"];

/// What the flags of this run said, by their long names.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    flags: BTreeMap<String, String>,
}

impl Origins {
    /// Reads them off what was parsed.
    #[must_use]
    pub fn of(matches: &ArgMatches) -> Self {
        let mut matches = matches;
        while let Some((_, below)) = matches.subcommand() {
            matches = below;
        }
        let given = |id: &clap::Id| {
            let is_flag = matches.value_source(id.as_str()) == Some(ValueSource::CommandLine);
            let values = matches.try_get_raw(id.as_str()).ok().flatten().filter(|_| is_flag)?;
            let values: Vec<_> = values.map(|value| value.to_string_lossy().into_owned()).collect();
            Some((id.as_str().replace('_', "-"), values.join(",")))
        };
        Self { flags: matches.ids().filter_map(given).collect() }
    }

    /// What a flag said.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.flags.get(name).map(String::as_str)
    }
}

/// Every option of the tree that the environment can give: its long name, and that of the variable.
#[must_use]
pub fn variables(tree: &Command) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut commands = vec![tree];
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands());
        found.extend(command.get_arguments().filter_map(|arg| {
            let name = arg.get_long()?.to_owned();
            Some((name, arg.get_env()?.to_string_lossy().into_owned()))
        }));
    }
    found
}
