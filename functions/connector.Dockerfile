# The Fiks IO connector: built from the folder functions/, run as a worker that is always on.
FROM python:3.11-slim
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY . .
USER 65534
CMD ["python", "connector.py"]
