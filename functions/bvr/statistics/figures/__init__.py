"""The key figures: each declared once; SQL, metadata, checks and documentation are made from the declarations."""
