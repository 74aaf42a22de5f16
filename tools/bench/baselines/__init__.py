"""What Pitboss is measured against: the same work, done in the plain way by the same libraries."""
