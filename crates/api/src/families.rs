//! Families: which apps belong to one product, as the configuration declares it.

use crate::{
    documents::{self, Declared},
    words::short_address,
};
use alloy_primitives::Address;
use std::collections::{BTreeMap, BTreeSet};

/// The most characters of a name.
const MAX_NAME: usize = 64;

/// The most members of a family: an answer folds each.
const MAX_APPS: usize = 100;

/// The most families.
const MAX_FAMILIES: usize = 1000;

/// Why families cannot be declared like this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FamilyError {
    /// The name has other characters, or none, or too many.
    #[error(
        "the name of a family is 1 to {MAX_NAME} of a-z, 0-9 and -, such as my-product, not {}",
        crate::parse::quote(.0)
    )]
    BadName(String),
    /// The name was declared before.
    #[error("the family {0} is declared twice; join the two, or rename one")]
    Twice(String),
    /// Nobody belongs to it.
    #[error("the family {0} has no apps; name at least one under `apps`")]
    NoApps(String),
    /// An app is named twice.
    #[error("the family {name} names {app:#x} twice; name it once")]
    AppTwice {
        /// The family.
        name: String,
        /// The app.
        app: Address,
    },
    /// Too many belong to it.
    #[error("the family {name} has {apps} apps, and at most {MAX_APPS} are allowed; split it")]
    TooManyApps {
        /// The family.
        name: String,
        /// How many.
        apps: usize,
    },
    /// Too many are declared.
    #[error("{0} families are declared, and at most {MAX_FAMILIES} are allowed")]
    TooMany(usize),
}

/// The families that are declared, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Families(BTreeMap<String, Declared>);

impl Families {
    /// Takes what was declared, if all of it makes sense.
    ///
    /// # Errors
    /// [`FamilyError`], of the first that does not.
    pub fn new(declared: impl IntoIterator<Item = Declared>) -> Result<Self, FamilyError> {
        let mut families = BTreeMap::new();
        for family in declared {
            check(&family)?;
            let name = family.name.clone();
            if families.insert(name.clone(), family).is_some() {
                return Err(FamilyError::Twice(name));
            }
        }
        if families.len() > MAX_FAMILIES {
            return Err(FamilyError::TooMany(families.len()));
        }
        Ok(Self(families))
    }

    /// The one with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Declared> {
        self.0.get(name)
    }

    /// The names of those that an app belongs to.
    #[must_use]
    pub fn of(&self, chain_id: u64, app: Address) -> Vec<String> {
        let theirs = self.0.values().filter(|it| it.chain_id == chain_id && it.apps.contains(&app));
        theirs.map(|family| family.name.clone()).collect()
    }

    /// The apps of a chain that belong to a family whose name has this in it, in lower or upper case: by app id, each once.
    #[must_use]
    pub fn named_like(&self, chain_id: u64, part: &str) -> Vec<Address> {
        let part = part.to_ascii_lowercase();
        let like = self.0.values().filter(|it| it.chain_id == chain_id && it.name.contains(&part));
        let apps: BTreeSet<Address> = like.flat_map(|family| family.apps.iter().copied()).collect();
        apps.into_iter().collect()
    }

    /// What people call an app: by its first family, or by its id. Empty if it is about no app.
    #[must_use]
    pub fn name_of(&self, chain_id: u64, app: Option<Address>) -> String {
        let Some(app) = app else { return String::new() };
        self.of(chain_id, app).into_iter().next().unwrap_or_else(|| short_address(app))
    }

    /// The names of all.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// All, as a document.
    #[must_use]
    pub fn document(&self) -> documents::Families {
        documents::Families { families: self.0.values().cloned().collect() }
    }
}

fn check(Declared { name, apps, .. }: &Declared) -> Result<(), FamilyError> {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(plain) {
        return Err(FamilyError::BadName(name.clone()));
    }
    if apps.is_empty() {
        return Err(FamilyError::NoApps(name.clone()));
    }
    if apps.len() > MAX_APPS {
        return Err(FamilyError::TooManyApps { name: name.clone(), apps: apps.len() });
    }
    let mut seen = BTreeSet::new();
    match apps.iter().find(|app| !seen.insert(**app)) {
        Some(app) => Err(FamilyError::AppTwice { name: name.clone(), app: *app }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(name: &str, apps: &[u8]) -> Declared {
        let apps = apps.iter().map(|n| Address::repeat_byte(*n)).collect();
        Declared { name: name.to_owned(), chain_id: 1, apps }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_a_reason() {
        let good = Families::new([family("my-product-2", &[1, 2]), family("b", &[1])]).unwrap();
        assert_eq!(good.names(), ["b", "my-product-2"]);
        assert_eq!(good.get("b").unwrap().apps.len(), 1);
        let [one, two] = [1, 2].map(Address::repeat_byte);
        assert_eq!(good.named_like(1, "PROD"), [one, two]);
        assert_eq!(good.named_like(1, ""), [one, two], "each once");
        assert_eq!(good.named_like(1, "b"), [one]);
        assert!(good.named_like(1, "x").is_empty() && good.named_like(2, "b").is_empty());
        let why = |families: &[Declared]| Families::new(families.to_vec()).unwrap_err();
        for name in ["", "My", "a b", "a/b", "ä", &"a".repeat(65)] {
            assert_eq!(why(&[family(name, &[1])]), FamilyError::BadName(name.to_owned()));
        }
        assert_eq!(why(&[family("a", &[1]), family("a", &[2])]), FamilyError::Twice("a".into()));
        assert_eq!(why(&[family("a", &[])]), FamilyError::NoApps("a".into()));
        let app = Address::repeat_byte(1);
        assert_eq!(why(&[family("a", &[1, 1])]), FamilyError::AppTwice { name: "a".into(), app });
        let many: Vec<u8> = (0..101).collect();
        assert!(matches!(why(&[family("a", &many)]), FamilyError::TooManyApps { apps: 101, .. }));
        assert!(why(&[family("A", &[1])]).to_string().ends_with("such as my-product, not \"A\""));
    }
}
