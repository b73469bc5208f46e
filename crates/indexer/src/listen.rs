//! What nodes say of pages, asked while the pages before are completed and written.

use crate::{
    IndexError,
    named::{Found, Named, is_followed},
    pages::{PageSize, Stretch},
    reader::Reader,
};
use alloy_primitives::Address;
use devproof_chain::NodeLog;
use devproof_primitives::BlockRef;
use devproof_store::Contract;
use futures::future::try_join;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    panic::resume_unwind,
};
use tokio::{sync::mpsc, task::JoinSet};

/// A page as nodes told it, before it is known whether they held the same blocks at the end.
#[derive(Debug)]
pub(crate) struct Heard {
    /// Its blocks.
    pub(crate) page: RangeInclusive<u64>,
    /// Its last block, as it was before anything else of it was asked.
    pub(crate) checkpoint: BlockRef,
    /// What all said who are followed, and those who were found.
    pub(crate) logs: Vec<NodeLog>,
    /// Who was named in it, and was not followed before or only because of something later.
    pub(crate) found: Vec<Found>,
    /// How many blocks the page after it has.
    pub(crate) next_size: PageSize,
}

/// What some contracts said in a page.
struct Said {
    page: RangeInclusive<u64>,
    checkpoint: BlockRef,
    logs: Vec<NodeLog>,
}

/// Asks for the pages of a stretch in their order, and sends them as far as there is room. `known` are followed from the
/// first page on, and with them all who name others: in pages only apps are found.
///
/// Who was named in a page is found out about while the page after it is asked for, of those who were named as well.
///
/// # Errors
/// What nodes say. The pages before were sent.
pub(crate) async fn listen(
    reader: &Reader,
    mut known: BTreeMap<Address, Contract>,
    stretch: Stretch,
    to: &mpsc::Sender<Result<Heard, IndexError>>,
) -> Result<(), IndexError> {
    let Some(page) = stretch.page(stretch.first, stretch.size) else { return Ok(()) };
    let mut size = stretch.size;
    let mut said = reader.said_in(page, known.keys().copied().collect()).await?;
    let mut asking = JoinSet::new();
    // Not before there is room: a page may be large.
    while let Ok(room) = to.reserve().await {
        let Said { page, checkpoint, mut logs } = said;
        let blocks = page.end() - page.start() + 1;
        size = size.after(logs.len(), blocks, stretch.most);
        let named = Named::in_logs(&logs, &known);
        let new: BTreeSet<Address> =
            named.addresses().filter(|app| !known.contains_key(app)).collect();
        let asked: Vec<Address> = known.keys().chain(&new).copied().collect();
        let next = page.end().checked_add(1).and_then(|next| stretch.page(next, size));
        if let Some(page) = next {
            let reader = reader.clone();
            // A task of its own: what is said there is taken apart beside all that is asked here.
            asking.spawn(async move { reader.said_in(page, asked).await });
        }
        let (mut found, others) = reader.met_in(&page, named, &known, &new).await?;
        logs.extend(others);
        found.retain(|it| !is_followed(&known, &it.contract));
        // Which contract decides was not known when that page was asked for.
        let rest: Vec<Address> = (found.iter().map(|it| it.contract.address))
            .filter(|app| !known.contains_key(app) && !new.contains(app))
            .collect();
        known.extend(found.iter().map(|it| (it.contract.address, it.contract.clone())));
        room.send(Ok(Heard { page, checkpoint, logs, found, next_size: size }));

        let Some(next) = asking.join_next().await else { return Ok(()) };
        let mut next = match next {
            Ok(next) => next?,
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            // The runtime ends.
            Err(_) => return Ok(()),
        };
        // What is an id and no contract is not followed; what decides for it is.
        next.logs.retain(|log| known.contains_key(&log.address));
        next.logs.extend(reader.node.logs(&rest, next.page.clone()).await?);
        said = next;
    }
    Ok(())
}

impl Reader {
    async fn said_in(
        &self,
        page: RangeInclusive<u64>,
        asked: Vec<Address>,
    ) -> Result<Said, IndexError> {
        let checkpoint = self.held(*page.end()).await?;
        let logs = self.node.logs(&asked, page.clone()).await?;
        Ok(Said { page, checkpoint, logs })
    }

    /// Who was named in a page, and what those of them said in it who were not `known`. The `new` are those by whose addresses
    /// they were named.
    async fn met_in(
        &self,
        page: &RangeInclusive<u64>,
        named: Named,
        known: &BTreeMap<Address, Contract>,
        new: &BTreeSet<Address>,
    ) -> Result<(Vec<Found>, Vec<NodeLog>), IndexError> {
        let asked: Vec<Address> = new.iter().copied().collect();
        let finding = self.find(named, known, *page.end());
        let hearing = async { Ok(self.node.logs(&asked, page.clone()).await?) };
        let (found, mut logs) = try_join(finding, hearing).await?;
        let contracts: BTreeSet<Address> = found.iter().map(|it| it.contract.address).collect();
        logs.retain(|log| contracts.contains(&log.address));
        let was_asked = |app: &&Address| known.contains_key(*app) || new.contains(*app);
        let rest: Vec<Address> = contracts.iter().filter(|app| !was_asked(app)).copied().collect();
        logs.extend(self.node.logs(&rest, page.clone()).await?);
        Ok((found, logs))
    }
}
