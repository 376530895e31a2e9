ALTER TABLE exchange_service ADD COLUMN description_url TEXT;
