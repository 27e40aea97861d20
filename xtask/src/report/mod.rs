//! What people look at: tables and pictures.

pub mod picture;
pub mod record;
pub mod table;
