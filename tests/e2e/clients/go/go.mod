module sonde/clients

go 1.18
