//! Who may do what: users and their roles, rights, tokens of programs.

mod login;
mod right;
mod share;
mod token;
mod user;

pub use login::{JoinBody, LoginBody, LoginMode, WhoAmI};
pub use right::{Right, Role};
pub use share::{NewShare, NewShareBody, Share};
pub use token::{ApiToken, NewToken, NewTokenBody};
pub use user::{Invitation, NewUserBody, User, UserBody};
