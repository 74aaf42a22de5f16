"""What the tests of the real system share. A package, so that pytest rewrites the asserts in it once for all folders."""
