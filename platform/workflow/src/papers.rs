//! Papers, as the stories see them: a number, a rendered and signed document, files that belong to a case.
//!
//! Two kinds exist: the body's documents, and a shelf in memory for tests.

use std::sync::{Arc, Mutex, PoisonError};

use kernel::{Fault, Id, Locale, Moment};
use store::{BoxFuture, Tx};

use crate::procedure::Filled;
use crate::sql::{self, Signer};

/// A paper to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paper {
    /// The case.
    pub case: Id,
    /// The case's number.
    pub case_number: String,
    /// The template; with the case it says which paper this is, so that making it twice gives one.
    pub template: String,
    /// Its number in its series, if it has one.
    pub number: Option<String>,
    /// Its title.
    pub title: String,
    /// Its content.
    pub blocks: Vec<Filled>,
    /// Its language.
    pub locale: Locale,
    /// Its date.
    pub made_at: Moment,
    /// The date as the reader reads it.
    pub date: String,
    /// Who signs; the body seals if nobody does.
    pub signer: Option<Signer>,
    /// To whom it belongs: the applicant's national number.
    pub owner: String,
    /// The code it must carry: the receipt on paper has the one that the applicant saw at once.
    pub code: Option<String>,
}

/// Makes a paper and gives its document's identifier; called twice for one paper it gives the same.
pub type MakePaper = Arc<dyn Fn(Paper) -> BoxFuture<Result<Id, Fault>> + Send + Sync>;

/// Where papers are made and kept. Cheap to clone.
#[derive(Clone)]
pub enum Papers {
    /// Rendered, signed and registered by `documents`.
    Made(MakePaper),
    /// Laid on a shelf, for tests.
    Shelf(Arc<Mutex<Vec<Paper>>>),
}

impl Papers {
    /// An empty shelf.
    pub fn shelf() -> Self {
        Self::Shelf(Arc::default())
    }

    /// What lies on the shelf, by case and template: jobs of one moment have no order among them.
    pub fn on_shelf(&self) -> Vec<Paper> {
        let mut papers = match self {
            Self::Made(_) => Vec::new(),
            Self::Shelf(shelf) => shelf.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        };
        papers.sort_by(|a, b| (a.case, &a.template).cmp(&(b.case, &b.template)));
        papers
    }

    /// The next number of a series, reserved in the transaction of the act that needs it.
    pub async fn reserve(&self, tx: &mut Tx, series: &str, year: i16) -> Result<String, Fault> {
        let number = sql::next_number(tx, series, i64::from(year)).await?;
        Ok(format!("{series}-{number:06}-{year}"))
    }

    /// Makes a paper.
    pub async fn make(&self, paper: Paper) -> Result<Id, Fault> {
        match self {
            Self::Made(make) => make(paper).await,
            Self::Shelf(shelf) => {
                let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
                let same =
                    |other: &Paper| other.case == paper.case && other.template == paper.template;
                if !shelf.iter().any(same) {
                    shelf.push(paper.clone());
                }
                Ok(paper.case)
            }
        }
    }
}
