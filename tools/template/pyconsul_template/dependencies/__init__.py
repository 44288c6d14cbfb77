"""What templates depend on: the data types they see, and the queries that fetch them."""
