import java.sql.*;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;

/** A database that does nothing.  Opening a connection takes as long as it is told to. */
final class Stub implements DataSource {
    volatile long openMs;
    final AtomicInteger opened = new AtomicInteger();
    final AtomicInteger closed = new AtomicInteger();

    int open() {
        return opened.get() - closed.get();
    }

    @Override
    public java.sql.Connection getConnection() throws SQLException {
        try {
            Thread.sleep(openMs);
        } catch (InterruptedException e) {
            throw new SQLException(e);
        }
        opened.incrementAndGet();
        return new Connection(closed);
    }

    @Override
    public java.sql.Connection getConnection(String user, String password) throws SQLException {
        return getConnection();
    }

    @Override public java.io.PrintWriter getLogWriter() { return null; }
    @Override public void setLogWriter(java.io.PrintWriter out) { }
    @Override public void setLoginTimeout(int seconds) { }
    @Override public int getLoginTimeout() { return 0; }
    @Override public java.util.logging.Logger getParentLogger() { return null; }
    @Override public <T> T unwrap(Class<T> type) { return null; }
    @Override public boolean isWrapperFor(Class<?> type) { return false; }

    /** A class of its own and no proxy: the pool calls it at each return. */
    static final class Connection implements java.sql.Connection {
        private final AtomicInteger closed;
        private boolean isClosed;

        Connection(AtomicInteger closed) {
            this.closed = closed;
        }

        @Override
        public void close() {
            if (!isClosed) {
                closed.incrementAndGet();
            }
            isClosed = true;
        }

        @Override public boolean isClosed() { return isClosed; }
        @Override public boolean isValid(int seconds) { return !isClosed; }
        @Override public boolean getAutoCommit() { return true; }
        @Override public int getTransactionIsolation() { return TRANSACTION_READ_COMMITTED; }
        @Override public int getHoldability() { return ResultSet.CLOSE_CURSORS_AT_COMMIT; }
        @Override public void setAutoCommit(boolean on) { }
        @Override public void commit() { }
        @Override public void rollback() { }
        @Override public void rollback(Savepoint savepoint) { }
        @Override public void setReadOnly(boolean on) { }
        @Override public boolean isReadOnly() { return false; }
        @Override public void setCatalog(String catalog) { }
        @Override public String getCatalog() { return null; }
        @Override public void setTransactionIsolation(int level) { }
        @Override public SQLWarning getWarnings() { return null; }
        @Override public void clearWarnings() { }
        @Override public void setHoldability(int holdability) { }
        @Override public void releaseSavepoint(Savepoint savepoint) { }
        @Override public void setClientInfo(String name, String value) { }
        @Override public void setClientInfo(Properties properties) { }
        @Override public void setSchema(String schema) { }
        @Override public String getSchema() { return null; }
        @Override public void abort(Executor executor) { close(); }
        @Override public void setNetworkTimeout(Executor executor, int ms) { }
        @Override public int getNetworkTimeout() { return 0; }
        @Override public void setTypeMap(Map<String, Class<?>> map) { }
        @Override public Map<String, Class<?>> getTypeMap() { return null; }
        @Override public DatabaseMetaData getMetaData() { return null; }
        @Override public String nativeSQL(String sql) { return sql; }
        @Override public Savepoint setSavepoint() { return null; }
        @Override public Savepoint setSavepoint(String name) { return null; }
        @Override public Statement createStatement() { return null; }
        @Override public Statement createStatement(int a, int b) { return null; }
        @Override public Statement createStatement(int a, int b, int c) { return null; }
        @Override public PreparedStatement prepareStatement(String sql) { return null; }
        @Override public PreparedStatement prepareStatement(String sql, int keys) { return null; }
        @Override public PreparedStatement prepareStatement(String sql, int[] keys) { return null; }
        @Override public PreparedStatement prepareStatement(String sql, String[] k) { return null; }
        @Override public PreparedStatement prepareStatement(String sql, int a, int b) { return null; }
        @Override
        public PreparedStatement prepareStatement(String sql, int a, int b, int c) { return null; }
        @Override public CallableStatement prepareCall(String sql) { return null; }
        @Override public CallableStatement prepareCall(String sql, int a, int b) { return null; }
        @Override
        public CallableStatement prepareCall(String sql, int a, int b, int c) { return null; }
        @Override public Clob createClob() { return null; }
        @Override public Blob createBlob() { return null; }
        @Override public NClob createNClob() { return null; }
        @Override public SQLXML createSQLXML() { return null; }
        @Override public String getClientInfo(String name) { return null; }
        @Override public Properties getClientInfo() { return null; }
        @Override public Array createArrayOf(String type, Object[] elements) { return null; }
        @Override public Struct createStruct(String type, Object[] attributes) { return null; }
        @Override public <T> T unwrap(Class<T> type) { return null; }
        @Override public boolean isWrapperFor(Class<?> type) { return false; }
    }
}
