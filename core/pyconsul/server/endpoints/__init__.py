"""RPC methods by family; each checks what the log need not see, then reads or proposes."""
