//! Half a year of one product's life, for the demo and for tests that want all of it.

use crate::{Bench, Versions, deletions};
use alloy::{
    primitives::{Address, B256, keccak256},
    sol_types::SolCall,
};
use devproof_chain::Account;
use devproof_contracts::{
    bindings::{AppAuth as app, IAppAuth::Settings},
    stock::DstackApp as stock,
};
use devproof_primitives::Setting;
use eyre::{Result, bail};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// How long the story is, in seconds: a chain that is to end now starts this long ago.
const LENGTH: u64 = 190 * DAY;

/// Something that happened, and the block after which it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chapter {
    /// In words.
    pub title: String,
    /// The block.
    pub block: u64,
}

/// The product's life, played.
#[derive(Debug)]
pub struct Story {
    /// The chain it was played on.
    pub bench: Bench,
    /// The product: an AppAuth with seven days of notice.
    pub product: Address,
    /// Its competitor: a stock app, whose owner can change the code at any moment.
    pub stock: Address,
    /// What happened, in order.
    pub chapters: Vec<Chapter>,
    /// Its compose files.
    pub versions: Versions,
}

impl Story {
    /// Plays the story on a fresh chain, so that it ends at `now`, Unix seconds. `tell` is told each
    /// chapter as it happens.
    ///
    /// # Errors
    /// If anvil is missing, or a contract does not do what the story needs.
    pub async fn play(now: u64, tell: &mut (dyn FnMut(&Chapter) + Send)) -> Result<Self> {
        Self::play_with(Versions::load()?, now, tell).await
    }

    /// As [`Story::play`], with these versions.
    ///
    /// # Errors
    /// As [`Story::play`].
    pub async fn play_with(
        versions: Versions,
        now: u64,
        tell: &mut (dyn FnMut(&Chapter) + Send),
    ) -> Result<Self> {
        let genesis = now - LENGTH;
        let bench = Bench::start(genesis).await?;
        let mut teller = Teller { genesis, bench, versions, chapters: Vec::new(), tell };
        let (product, stock) = teller.births().await?;
        teller.spring(product, stock).await?;
        teller.summer(product, stock).await?;
        teller.autumn(product, stock).await?;
        let Teller { bench, versions, chapters, .. } = teller;
        Ok(Self { bench, product, stock, chapters, versions })
    }

    /// The block after the chapter whose title starts like this.
    #[must_use]
    pub fn block_of(&self, title: &str) -> Option<u64> {
        self.chapters.iter().find(|c| c.title.starts_with(title)).map(|c| c.block)
    }
}

struct Teller<'a> {
    genesis: u64,
    bench: Bench,
    versions: Versions,
    chapters: Vec<Chapter>,
    tell: &'a mut (dyn FnMut(&Chapter) + Send),
}

impl Teller<'_> {
    fn hash(&self, version: u32) -> B256 {
        self.versions.hash(version).0
    }

    /// Lets the next transaction happen this many seconds after the beginning.
    async fn at(&self, seconds: u64) -> Result<()> {
        self.bench.anvil.set_next_time(self.genesis + seconds).await
    }

    fn told(&mut self, title: impl Into<String>, block: u64) {
        let chapter = Chapter { title: title.into(), block };
        (self.tell)(&chapter);
        self.chapters.push(chapter);
    }

    /// One call, at a time, as a chapter.
    async fn act(
        &mut self,
        seconds: u64,
        who: &Account,
        to: Address,
        call: &impl SolCall,
        title: &str,
    ) -> Result<()> {
        self.at(seconds).await?;
        let receipt = who.send(to, call).await?;
        self.told(title, receipt.block);
        Ok(())
    }

    async fn propose(
        &mut self,
        seconds: u64,
        to: Address,
        version: u32,
        title: &str,
    ) -> Result<()> {
        let call = app::proposeComposeHash_0Call {
            composeHash: self.hash(version),
            sourceDigest: keccak256(format!("source of 1.{}.0", version - 1)),
            uri: format!("https://github.com/acme/gateway/releases/tag/v1.{}.0", version - 1),
        };
        let owner = self.bench.owner.clone();
        self.act(seconds, &owner, to, &call, title).await
    }

    async fn activate(
        &mut self,
        seconds: u64,
        to: Address,
        version: u32,
        title: &str,
    ) -> Result<()> {
        let call = app::activateComposeHashCall { composeHash: self.hash(version) };
        let stranger = self.bench.stranger.clone();
        self.act(seconds, &stranger, to, &call, title).await
    }

    /// An AppAuth with one compose hash and one device, and a stock app.
    async fn births(&mut self) -> Result<(Address, Address)> {
        self.at(DAY).await?;
        let settings = Settings {
            owner: self.bench.owner.address(),
            guardian: self.bench.guardian.address(),
            noticePeriod: u32::try_from(7 * DAY)?,
            allowAnyDevice: false,
            requireTcbUpToDate: false,
            composeHashes: vec![self.hash(1)],
            devices: vec![keccak256("device 1")],
            osImages: self.bench.os_images.to_vec(),
        };
        let product = self.bench.deploy_app(&settings, B256::ZERO).await?;
        let block = self.bench.node.heads().await?.latest.number;
        self.told("the product is born with version 1.0.0 and 7 days of notice", block);
        self.at(3 * DAY).await?;
        let stock = self.bench.deploy_stock_app(keccak256("rival 1")).await?;
        let block = self.bench.node.heads().await?.latest.number;
        self.told("a rival deploys a stock app, which has no notice", block);
        Ok((product, stock))
    }

    /// A good upgrade, a stopped one, one that was let die.
    async fn spring(&mut self, product: Address, rival: Address) -> Result<()> {
        self.propose(10 * DAY, product, 2, "version 1.1.0 is announced").await?;
        self.refused_before_its_time(product).await?;
        self.activate(17 * DAY + 2 * HOUR, product, 2, "a stranger activates 1.1.0").await?;
        let call = app::removeComposeHashCall { composeHash: self.hash(1) };
        let owner = self.bench.owner.clone();
        self.act(20 * DAY, &owner, product, &call, "the owner removes 1.0.0").await?;
        self.stock(25 * DAY, rival, 2, "the rival upgrades, without notice").await?;
        self.propose(35 * DAY, product, 3, "version 1.2.0 is announced").await?;
        let call = app::cancelComposeHashCall { composeHash: self.hash(3) };
        let guardian = self.bench.guardian.clone();
        self.act(37 * DAY, &guardian, product, &call, "the guardian cancels 1.2.0").await?;
        self.propose(50 * DAY, product, 4, "version 1.3.0 is announced, and forgotten").await
    }

    /// Whoever wants to be faster than the notice is refused: the story would be a lie otherwise.
    async fn refused_before_its_time(&mut self, product: Address) -> Result<()> {
        let call = app::activateComposeHashCall { composeHash: self.hash(2) };
        match self.bench.stranger.send(product, &call).await {
            Ok(_) => bail!("version 1.1.0 was activated before its notice was over"),
            Err(error) => {
                let block = self.bench.node.heads().await?.latest.number;
                self.told(format!("activating 1.1.0 at once is refused: {error}"), block);
                Ok(())
            }
        }
    }

    /// Upgrades without notice, of the stock app; also one there and back.
    async fn stock(&mut self, seconds: u64, rival: Address, n: u32, title: &str) -> Result<()> {
        let call = stock::addComposeHashCall { composeHash: keccak256(format!("rival {n}")) };
        let who = self.bench.rival.clone();
        self.act(seconds, &who, rival, &call, title).await
    }

    /// The forgotten one expires; a hash is added, removed and added again; the devices change.
    async fn summer(&mut self, product: Address, rival: Address) -> Result<()> {
        self.at(72 * DAY).await?;
        self.bench.anvil.mine(1).await?;
        let block = self.bench.node.heads().await?.latest.number;
        self.told("version 1.3.0 has expired: nobody activated it in its 14 days", block);
        self.propose(85 * DAY, product, 5, "version 1.4.0 is announced").await?;
        self.activate(92 * DAY + HOUR, product, 5, "1.4.0 is activated").await?;
        let call = app::removeComposeHashCall { composeHash: self.hash(5) };
        let guardian = self.bench.guardian.clone();
        self.act(95 * DAY, &guardian, product, &call, "the guardian removes 1.4.0").await?;
        self.propose(97 * DAY, product, 5, "1.4.0 is announced again").await?;
        self.activate(104 * DAY + 5 * HOUR, product, 5, "1.4.0 is activated again").await?;
        self.stock(106 * DAY, rival, 3, "the rival upgrades again").await?;
        let call = stock::removeComposeHashCall { composeHash: keccak256("rival 3") };
        let who = self.bench.rival.clone();
        self.act(106 * DAY + HOUR, &who, rival, &call, "and takes it back").await?;
        self.stock(106 * DAY + 2 * HOUR, rival, 3, "and does it after all").await?;

        let device = keccak256("device 2");
        let kind = Setting::Device as u8;
        let owner = self.bench.owner.clone();
        let call = app::proposeCall { kind, value: device };
        self.act(110 * DAY, &owner, product, &call, "a second device is announced").await?;
        let call = app::activateCall { kind, value: device };
        let stranger = self.bench.stranger.clone();
        self.act(118 * DAY, &stranger, product, &call, "the second device is accepted").await?;
        let call = app::removeDeviceCall { deviceId: keccak256("device 1") };
        self.act(119 * DAY, &owner, product, &call, "the first device is removed").await
    }

    /// A longer notice, deletions, and a version that is on its way.
    async fn autumn(&mut self, product: Address, rival: Address) -> Result<()> {
        let owner = self.bench.owner.clone();
        let call = app::increaseNoticePeriodCall { seconds_: u32::try_from(14 * DAY)? };
        self.act(125 * DAY, &owner, product, &call, "the notice grows to 14 days").await?;
        self.propose(140 * DAY, product, 6, "version 1.5.0 is announced").await?;
        self.activate(154 * DAY + HOUR, product, 6, "1.5.0 is activated").await?;
        self.stock(160 * DAY, rival, 4, "the rival upgrades once more").await?;
        self.at(165 * DAY).await?;
        let running = self.hash(6);
        let now = self.genesis + 165 * DAY;
        for (title, block) in deletions::attest(&self.bench, product, running, now).await? {
            self.told(title, block);
        }
        self.propose(186 * DAY, product, 7, "version 1.6.0 is announced").await?;
        // The chain's clock goes on from here: an answer "now" is an answer about now.
        self.at(LENGTH).await?;
        self.bench.anvil.mine(3).await?;
        Ok(())
    }
}
