"""One module a cloud; each has one class that does as ``pyconsul.toolkit.discovery.Provider`` says."""
