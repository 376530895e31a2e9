//! Story: what an official looks at: what is suspicious about an application, and the shape of the instance.

use kernel::Fault;

use crate::domain::Wish;
use crate::sql::application::{ApplicationRow, State};
use crate::sql::member::MemberRow;
use crate::{Envelope, Register, sql};

/// Most members that are drawn; more can't be taken in at once.
pub const DRAWN_MAX: usize = 60;

/// One member in the drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pendant {
    /// The member's name.
    pub name: String,
    /// How many subsystems it has.
    pub knots: usize,
    /// Whether a server of it is in maintenance.
    pub resting: bool,
}

/// The shape of the instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawing {
    /// The members drawn.
    pub pendants: Vec<Pendant>,
    /// Members in all.
    pub members: usize,
    /// Servers in all.
    pub servers: usize,
    /// Subsystems in all.
    pub subsystems: usize,
}

impl Register {
    /// What an official should know before deciding: text keys of warnings, and the member if it exists.
    ///
    /// # Errors
    /// The store failed.
    pub async fn before_deciding(
        &self,
        row: &ApplicationRow,
    ) -> Result<(Vec<&'static str>, Option<MemberRow>), Fault> {
        let owner = &row.server.owner;
        let mut tx = self.read().await?;
        let member = sql::member::by_code(&mut tx, &owner.class, &owner.code).await?;
        let mut warnings = Vec::new();
        if row.state != State::Waiting || row.kind != "join" {
            return Ok((warnings, member));
        }
        match &member {
            Some(member) if !member.active => warnings.push("registry-warn-revoked"),
            Some(_) => warnings.push("registry-warn-member"),
            None => {}
        }
        if sql::application::waiting_of(&mut tx, &row.server).await? > 1 {
            warnings.push("registry-warn-several");
        }
        let heard = Envelope::parse(row.envelope.as_bytes())?.hear()?;
        if let Wish::Join { address, .. } = &heard.application.wish
            && sql::server::all(&mut tx)
                .await?
                .iter()
                .any(|server| server.address == *address)
        {
            warnings.push("registry-warn-address");
        }
        Ok((warnings, member))
    }

    /// Applications that wait, oldest first; as many as one page holds.
    ///
    /// # Errors
    /// The store failed.
    pub async fn waiting(&self) -> Result<Vec<ApplicationRow>, Fault> {
        let mut tx = self.read().await?;
        Ok(sql::application::waiting(&mut tx).await?)
    }

    /// The shape of the instance.
    ///
    /// # Errors
    /// The store failed.
    pub async fn drawing(&self) -> Result<Drawing, Fault> {
        let mut tx = self.read().await?;
        let model = self.model(&mut tx).await?;
        let pendants = model.members.iter().take(DRAWN_MAX).map(|(row, codes)| {
            let mut own = model.servers.iter().filter(|(s, ..)| s.id.owner == row.id);
            Pendant {
                name: row.name.clone(),
                knots: codes.len(),
                resting: own.any(|(server, ..)| server.maintenance),
            }
        });
        Ok(Drawing {
            pendants: pendants.collect(),
            members: model.members.len(),
            servers: model.servers.len(),
            subsystems: model.members.iter().map(|(_, codes)| codes.len()).sum(),
        })
    }
}
