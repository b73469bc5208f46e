//! Every step that sends a transaction, as a table, and a chain on which each of them can be done.

use crate::{
    bench::{DAY, GENESIS, GUARDIAN, OWNER, RIVAL, STRANGER, Said, World, said},
    release::COMPOSE,
};
use alloy_primitives::{Address, B256, U256};
use devproof_compose::ComposeHash;
use devproof_contracts::bindings::factory::{AppAuthFactory, IAppAuth::Settings};
use std::process::Command;

/// What has to be before a step can be done.
#[derive(Debug)]
pub(crate) enum Before {
    /// This account did this.
    Did(usize, &'static [&'static str]),
    /// So many seconds went by.
    Passed(u64),
}
use Before::{Did, Passed};

/// A step: who does what, and how it is told when it is done already.
#[derive(Debug)]
pub(crate) struct Step {
    /// The file in `words/` that has all that is said.
    pub(crate) words: &'static str,
    pub(crate) before: &'static [Before],
    pub(crate) account: usize,
    /// The verb and its arguments. Words in capitals are addresses, see [`Table::addresses`].
    pub(crate) args: &'static [&'static str],
    /// How the next run begins. Names in braces are such addresses.
    pub(crate) again: &'static str,
}

impl Step {
    /// The words of the verb, without its arguments.
    pub(crate) fn verb(&self) -> Vec<&'static str> {
        let is_name = |word: &&&str| word.chars().all(|c| c.is_ascii_lowercase());
        self.args.iter().take_while(is_name).copied().collect()
    }
}

const FIRST: &str = "0x0101010101010101010101010101010101010101010101010101010101010101";
const DEVICE: &str = "0xd1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1";
const OTHER_DEVICE: &str = "0xd2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2";
const IMAGE: &str = "0xa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1";
const OTHER_IMAGE: &str = "0xa2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2";
const BORN_WITH: &str = "0x0909090909090909090909090909090909090909090909090909090909090909";

const PROPOSE: &[&str] =
    &["propose", "APP", "--compose", "app-compose.json", "--platform", "prepared.json"];
const ADD_DEVICE: &[&str] = &["app", "devices", "APP", "--add", OTHER_DEVICE];
const PIN: &[&str] = &["app", "images", "APP", "--pin", IMAGE];
const REQUIRE: &[&str] = &["app", "tcb", "APP", "--require"];
const LONGER: &[&str] = &["app", "notice", "APP", "--to", "4d"];
const OFFER: &[&str] = &["app", "transfer", "APP", "--to", "STRANGER"];
/// Of the rival, with any device, without a guardian, and known to no KMS. It is at BORN.
const DEPLOY: &[&str] = &[
    "app",
    "deploy",
    "--factory",
    "FACTORY",
    "--owner",
    "RIVAL",
    "--notice",
    "3d",
    "--compose-hash",
    BORN_WITH,
];

/// All of them, and at least one for each verb that sends anything.
pub(crate) static STEPS: [Step; 24] = [
    Step {
        words: "step_propose.txt",
        before: &[],
        account: OWNER,
        args: PROPOSE,
        again: "Done before: version 0x8b38bdc1b054bc3275da62a58e85215b2238256d8dabcfe09b393047105a7bb5 is announced, ",
    },
    Step {
        words: "step_activate.txt",
        before: &[Did(OWNER, PROPOSE), Passed(2 * DAY)],
        account: STRANGER,
        args: &["activate", "APP", "--compose", "app-compose.json"],
        again: "Done before: version 0x8b38bdc1b054bc3275da62a58e85215b2238256d8dabcfe09b393047105a7bb5 is in force.",
    },
    Step {
        words: "step_cancel.txt",
        before: &[Did(OWNER, ADD_DEVICE)],
        account: GUARDIAN,
        args: &[
            "cancel",
            "APP",
            "--setting",
            "device=0xd2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2",
        ],
        again: "Nothing to do: device 0xd2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2 is neither in force nor announced.",
    },
    Step {
        words: "step_remove.txt",
        before: &[],
        account: GUARDIAN,
        args: &["remove", "APP", "--compose-hash", FIRST],
        again: "Nothing to do: version 0x0101010101010101010101010101010101010101010101010101010101010101 is neither in force nor announced.",
    },
    Step {
        words: "step_deploy.txt",
        before: &[],
        account: RIVAL,
        args: DEPLOY,
        again: "Done before: the app is at {BORN}.",
    },
    Step {
        words: "step_register.txt",
        before: &[Did(RIVAL, DEPLOY)],
        account: STRANGER,
        args: &["app", "register", "BORN", "--kms", "KMS"],
        again: "Done before: the KMS {KMS} knows {BORN}.",
    },
    Step {
        words: "step_transfer.txt",
        before: &[],
        account: OWNER,
        args: OFFER,
        again: "Done before: the ownership is offered to {STRANGER}.",
    },
    Step {
        words: "step_transfer_accept.txt",
        before: &[Did(OWNER, OFFER)],
        account: STRANGER,
        args: &["app", "transfer", "APP", "--accept"],
        again: "Done before: {STRANGER} owns the app.",
    },
    Step {
        words: "step_guardian_name.txt",
        before: &[Did(RIVAL, DEPLOY)],
        account: RIVAL,
        args: &["app", "guardian", "BORN", "--name", "STRANGER"],
        again: "Done before: {STRANGER} is the guardian.",
    },
    Step {
        words: "step_guardian_replace.txt",
        before: &[],
        account: OWNER,
        args: &["app", "guardian", "APP", "--replace-by", "STRANGER"],
        again: "Done before: guardian {STRANGER} is announced, ",
    },
    Step {
        words: "step_guardian_remove.txt",
        before: &[],
        account: OWNER,
        args: &["app", "guardian", "APP", "--remove"],
        again: "Done before: the removal of the guardian is announced, ",
    },
    Step {
        words: "step_devices_add.txt",
        before: &[],
        account: OWNER,
        args: ADD_DEVICE,
        again: "Done before: device 0xd2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2d2 is announced, ",
    },
    Step {
        words: "step_devices_add_any.txt",
        before: &[],
        account: OWNER,
        args: &["app", "devices", "APP", "--add-any"],
        again: "Done before: any device is announced, ",
    },
    Step {
        words: "step_devices_remove.txt",
        before: &[],
        account: GUARDIAN,
        args: &["app", "devices", "APP", "--remove", DEVICE],
        again: "Nothing to do: device 0xd1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1 is neither in force nor announced.",
    },
    Step {
        words: "step_devices_remove_any.txt",
        before: &[Did(RIVAL, DEPLOY)],
        account: RIVAL,
        args: &["app", "devices", "BORN", "--remove-any"],
        again: "Nothing to do: any device is neither in force nor announced.",
    },
    Step {
        words: "step_images_pin.txt",
        before: &[],
        account: OWNER,
        args: PIN,
        again: "Done before: the app accepts only 1 OS image.",
    },
    Step {
        words: "step_images_add.txt",
        before: &[Did(OWNER, PIN)],
        account: OWNER,
        args: &["app", "images", "APP", "--add", OTHER_IMAGE],
        again: "Done before: OS image 0xa2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2 is announced, ",
    },
    Step {
        words: "step_images_add_any.txt",
        before: &[Did(OWNER, PIN)],
        account: OWNER,
        args: &["app", "images", "APP", "--add-any"],
        again: "Done before: any OS image that the KMS admits is announced, ",
    },
    Step {
        words: "step_images_remove.txt",
        before: &[Did(OWNER, PIN)],
        account: GUARDIAN,
        args: &["app", "images", "APP", "--remove", IMAGE],
        again: "Nothing to do: OS image 0xa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1 is neither in force nor announced.",
    },
    Step {
        words: "step_notice_longer.txt",
        before: &[],
        account: OWNER,
        args: LONGER,
        again: "Done before: the notice is 4 d.",
    },
    Step {
        words: "step_notice_shorter.txt",
        before: &[Did(OWNER, LONGER)],
        account: OWNER,
        args: &["app", "notice", "APP", "--to", "3d"],
        again: "Done before: a notice of 3 d is announced, ",
    },
    Step {
        words: "step_tcb_require.txt",
        before: &[],
        account: OWNER,
        args: REQUIRE,
        again: "Done before: an up-to-date TCB is required.",
    },
    Step {
        words: "step_tcb_drop.txt",
        before: &[Did(OWNER, REQUIRE)],
        account: OWNER,
        args: &["app", "tcb", "APP", "--drop"],
        again: "Done before: accepting an out-of-date TCB is announced, ",
    },
    Step {
        words: "step_freeze.txt",
        before: &[],
        account: OWNER,
        args: &["app", "freeze", "APP", "device"],
        again: "Done before: the freeze of the setting device is announced, ",
    },
];

/// One step of each verb, where what matters is the way that all of them go; and both sides of a transfer, since who accepts
/// is asked for the key before anything else.
pub(crate) fn one_of_each_verb() -> impl Iterator<Item = &'static Step> {
    let is_first = |at: usize| STEPS[..at].iter().all(|it| it.verb() != STEPS[at].verb());
    let each = STEPS.iter().enumerate();
    each.filter(move |(at, step)| is_first(*at) || step.args.contains(&"--accept"))
        .map(|(_, step)| step)
}

/// The hashes that mean something, and stay in what is compared.
pub(crate) const HASHES: [&str; 7] = [
    FIRST,
    DEVICE,
    OTHER_DEVICE,
    IMAGE,
    OTHER_IMAGE,
    BORN_WITH,
    "0x8b38bdc1b054bc3275da62a58e85215b2238256d8dabcfe09b393047105a7bb5",
];

/// The chain, with a clock of its own, so that all times are the same in each run.
pub(crate) struct Table {
    pub(crate) world: World,
    born: Address,
}

impl Table {
    pub(crate) async fn new() -> Self {
        let world = World::new().await;
        let anvil = &world.bench.anvil;
        anvil.set_next_time(GENESIS + DAY).await.unwrap();
        anvil.mine(1).await.unwrap();
        anvil.set_block_interval(1).await.unwrap();
        let hash = ComposeHash::of(COMPOSE.as_bytes());
        world.file("app-compose.json", COMPOSE);
        let prepared = format!(r#"{{"compose_hash":"{hash}","app_id":"{:#x}"}}"#, world.app);
        world.file("prepared.json", &prepared);
        let settings = Settings {
            owner: world.bench.rival.address(),
            guardian: Address::ZERO,
            noticePeriod: u32::try_from(3 * DAY).unwrap(),
            allowAnyDevice: true,
            requireTcbUpToDate: false,
            composeHashes: vec![BORN_WITH.parse().unwrap()],
            devices: Vec::new(),
            osImages: Vec::new(),
        };
        let predict = AppAuthFactory::predictCall { settings, salt: B256::ZERO };
        let born = world.node().call(world.bench.factory, &predict, None).await.unwrap();
        Self { world, born }
    }

    /// Each word in capitals, and the address that it stands for.
    fn addresses(&self) -> [(&'static str, Address); 6] {
        let bench = &self.world.bench;
        [
            ("APP", self.world.app),
            ("BORN", self.born),
            ("FACTORY", bench.factory),
            ("KMS", bench.kms),
            ("RIVAL", bench.rival.address()),
            ("STRANGER", bench.stranger.address()),
        ]
    }

    pub(crate) fn arguments(&self, args: &[&str]) -> Vec<String> {
        let word = |arg: &&str| {
            let named = self.addresses().into_iter().find(|(name, _)| name == arg);
            named.map_or_else(|| (*arg).to_owned(), |(_, address)| address.to_string())
        };
        args.iter().map(word).collect()
    }

    /// The words that a next run begins with.
    pub(crate) fn again(&self, step: &Step) -> String {
        let named = self.addresses().into_iter();
        named.fold(step.again.to_owned(), |text, (name, address)| {
            text.replace(&format!("{{{name}}}"), &address.to_string())
        })
    }

    /// A step as a command, with the key of who does it.
    pub(crate) fn command(&self, step: &Step, more: &[&str]) -> Command {
        let mut command = self.world.as_(step.account);
        command.args(self.arguments(step.args)).args(more);
        command
    }

    /// Runs a step to its end.
    pub(crate) fn run(&self, step: &Step, more: &[&str]) -> Said {
        said(&mut self.command(step, more))
    }

    /// Lets everything happen that a step needs, and gives the way back to before it.
    pub(crate) async fn prepare(&self, step: &Step) -> U256 {
        let before = self.world.bench.anvil.snapshot().await.unwrap();
        for it in step.before {
            match it {
                Passed(seconds) => self.world.go_on(*seconds).await,
                Did(account, args) => {
                    let mut command = self.world.as_(*account);
                    let done = said(command.args(self.arguments(args)).arg("--yes"));
                    assert_eq!(done.code, 0, "{args:?}: {done:?}");
                }
            }
        }
        before
    }

    pub(crate) async fn revert(&self, to: U256) {
        self.world.bench.anvil.revert(to).await.unwrap();
    }

    /// How many transactions the account of a step has sent, and the newest block: what was sent, or was not.
    pub(crate) async fn state(&self, step: &Step) -> (u64, B256) {
        let head = self.world.node().heads().await.unwrap().latest;
        (self.world.sent(step.account).await, head.hash)
    }
}
